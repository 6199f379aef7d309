using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Tests;

public sealed class SmokeTests
{
    [Fact]
    public void Formats_AreUnique() => Assert.Equal(BlockFormats.All.Length, BlockFormats.All.Select(f => f.Type).Distinct().Count());
}
