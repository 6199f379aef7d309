using EmbeddedLlm.Cpu;
using EmbeddedLlm.Cpu.Tiers;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Tests.Cpu;

public sealed class MultiplyPeakTests
{
    [Theory, InlineData(GgmlType.F32), InlineData(GgmlType.Q4_K)]
    public void Measure_SomeThreads_IsASpeed(GgmlType type) =>
        Assert.InRange(MultiplyPeak.Measure(Tier.Best, BlockFormats.Get(type), 1, 3, TimeSpan.FromMilliseconds(5)), 1e-6, 1e6);

    [Fact]
    public void Measure_FormatWithoutAPanel_Throws() =>
        Assert.Throws<NotSupportedException>(() => MultiplyPeak.Measure(BlockFormat.Of<ForeignFormat>(), 2));
}
