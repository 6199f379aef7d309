using EmbeddedLlm.Sampling;
using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Chat;

/// <summary>
/// Sampling settings for which <see cref="ChatOptions"/> has no property. They travel in <see cref="ChatOptions.AdditionalProperties"/>
/// under the keys given here; a value may be any number, a number as text, or a JSON number. Ranges: see <see cref="SamplingOptions"/>.
/// </summary>
public static class ChatOptionsExtensions
{
    /// <summary>Key of <see cref="SamplingOptions.MinP"/>.</summary>
    public const string MinPKey = "min_p";

    /// <summary>Key of <see cref="SamplingOptions.TypicalP"/>.</summary>
    public const string TypicalPKey = "typical_p";

    /// <summary>Key of <see cref="SamplingOptions.RepetitionPenalty"/>.</summary>
    public const string RepetitionPenaltyKey = "repetition_penalty";

    /// <summary>Key of <see cref="SamplingOptions.PenaltyWindow"/>.</summary>
    public const string PenaltyWindowKey = "penalty_window";

    /// <summary>Key of <see cref="SamplingOptions.DryMultiplier"/>.</summary>
    public const string DryMultiplierKey = "dry_multiplier";

    /// <summary>Key of <see cref="SamplingOptions.XtcProbability"/>.</summary>
    public const string XtcProbabilityKey = "xtc_probability";

    /// <summary>Key of <see cref="SamplingOptions.XtcThreshold"/>.</summary>
    public const string XtcThresholdKey = "xtc_threshold";

    /// <summary>Key of <see cref="SamplingOptions.MirostatTau"/>.</summary>
    public const string MirostatTauKey = "mirostat_tau";

    /// <summary>Key of <see cref="SamplingOptions.MirostatEta"/>.</summary>
    public const string MirostatEtaKey = "mirostat_eta";

    /// <summary>Key of <see cref="SamplingOptions.LogitBias"/>: a dictionary, or a JSON object, from token ids to numbers.</summary>
    public const string LogitBiasKey = "logit_bias";

    /// <summary>Sets <see cref="SamplingOptions.MinP"/>.</summary>
    public static ChatOptions WithMinP(this ChatOptions options, float value) => options.With(MinPKey, value);

    /// <summary>Sets <see cref="SamplingOptions.TypicalP"/>.</summary>
    public static ChatOptions WithTypicalP(this ChatOptions options, float value) => options.With(TypicalPKey, value);

    /// <summary>Sets <see cref="SamplingOptions.RepetitionPenalty"/> and, if given, <see cref="SamplingOptions.PenaltyWindow"/>.</summary>
    public static ChatOptions WithRepetitionPenalty(this ChatOptions options, float value, int? window = null)
    {
        options.With(RepetitionPenaltyKey, value);
        return window is { } tokens ? options.With(PenaltyWindowKey, tokens) : options;
    }

    /// <summary>Sets <see cref="SamplingOptions.DryMultiplier"/>.</summary>
    public static ChatOptions WithDry(this ChatOptions options, float multiplier) => options.With(DryMultiplierKey, multiplier);

    /// <summary>Sets <see cref="SamplingOptions.XtcProbability"/> and, if given, <see cref="SamplingOptions.XtcThreshold"/>.</summary>
    public static ChatOptions WithXtc(this ChatOptions options, float probability, float? threshold = null)
    {
        options.With(XtcProbabilityKey, probability);
        return threshold is { } value ? options.With(XtcThresholdKey, value) : options;
    }

    /// <summary>Sets <see cref="SamplingOptions.MirostatTau"/> and, if given, <see cref="SamplingOptions.MirostatEta"/>.</summary>
    public static ChatOptions WithMirostat(this ChatOptions options, float tau, float? eta = null)
    {
        options.With(MirostatTauKey, tau);
        return eta is { } value ? options.With(MirostatEtaKey, value) : options;
    }

    /// <summary>Sets <see cref="SamplingOptions.LogitBias"/>.</summary>
    public static ChatOptions WithLogitBias(this ChatOptions options, IReadOnlyDictionary<int, float> biases) => options.With(LogitBiasKey, biases);

    private static ChatOptions With(this ChatOptions options, string key, object value)
    {
        ArgumentNullException.ThrowIfNull(options);
        (options.AdditionalProperties ??= [])[key] = value;
        return options;
    }
}
