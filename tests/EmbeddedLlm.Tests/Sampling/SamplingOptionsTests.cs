using EmbeddedLlm.Sampling;

namespace EmbeddedLlm.Tests.Sampling;

public sealed class SamplingOptionsTests
{
    public static TheoryData<string, Action> Wrong { get; } = new()
    {
        { nameof(SamplingOptions.Temperature), () => _ = new SamplingOptions { Temperature = -0.1f } },
        { nameof(SamplingOptions.Temperature), () => _ = new SamplingOptions { Temperature = float.NaN } },
        { nameof(SamplingOptions.Temperature), () => _ = new SamplingOptions { Temperature = float.PositiveInfinity } },
        { nameof(SamplingOptions.TopK), () => _ = new SamplingOptions { TopK = -1 } },
        { nameof(SamplingOptions.TopP), () => _ = new SamplingOptions { TopP = 1.01f } },
        { nameof(SamplingOptions.MinP), () => _ = new SamplingOptions { MinP = -1 } },
        { nameof(SamplingOptions.TypicalP), () => _ = new SamplingOptions { TypicalP = float.NaN } },
        { nameof(SamplingOptions.RepetitionPenalty), () => _ = new SamplingOptions { RepetitionPenalty = 0 } },
        { nameof(SamplingOptions.FrequencyPenalty), () => _ = new SamplingOptions { FrequencyPenalty = float.NaN } },
        { nameof(SamplingOptions.PresencePenalty), () => _ = new SamplingOptions { PresencePenalty = float.NegativeInfinity } },
        { nameof(SamplingOptions.PenaltyWindow), () => _ = new SamplingOptions { PenaltyWindow = -1 } },
        { nameof(SamplingOptions.DryMultiplier), () => _ = new SamplingOptions { DryMultiplier = -1 } },
        { nameof(SamplingOptions.DryBase), () => _ = new SamplingOptions { DryBase = 0.5f } },
        { nameof(SamplingOptions.DryAllowedLength), () => _ = new SamplingOptions { DryAllowedLength = 0 } },
        { nameof(SamplingOptions.DryWindow), () => _ = new SamplingOptions { DryWindow = -1 } },
        { nameof(SamplingOptions.XtcProbability), () => _ = new SamplingOptions { XtcProbability = 2 } },
        { nameof(SamplingOptions.XtcThreshold), () => _ = new SamplingOptions { XtcThreshold = -2 } },
        { nameof(SamplingOptions.MirostatTau), () => _ = new SamplingOptions { MirostatTau = -2 } },
        { nameof(SamplingOptions.MirostatEta), () => _ = new SamplingOptions { MirostatEta = 2 } },
        { nameof(SamplingOptions.LogitBias), () => _ = new SamplingOptions { LogitBias = new Dictionary<int, float> { [-1] = 0 } } },
        { nameof(SamplingOptions.LogitBias), () => _ = new SamplingOptions { LogitBias = new Dictionary<int, float> { [1] = float.NaN } } },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void Set_OutOfRange_ThrowsAndNamesIt(string name, Action set)
        => Assert.Equal(name, Assert.Throws<ArgumentOutOfRangeException>(set).ParamName);

    [Fact]
    public void With_OneValue_KeepsTheOthers()
        => Assert.Equal(new SamplingOptions { TopK = 7, Temperature = 0.1f }, new SamplingOptions { TopK = 7 } with { Temperature = 0.1f });
}
