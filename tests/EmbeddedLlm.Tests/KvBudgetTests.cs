using EmbeddedLlm.Backends;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Tests;

public sealed class KvBudgetTests
{
    // Two layers of 8 + 8 numbers: 64 bytes for each token in F16, 2048 for each block of 32.
    private static readonly ModelGraph Graph = new([], 0, default, [new KvLayer(1, 8, 8), new KvLayer(1, 8, 8)], []);
    private const long Plenty = 1L << 40;

    private static KvBudget For(LlmOptions options, int trained = 1024, long memory = Plenty) => KvBudget.For(Graph, trained, 32, options, memory);

    [Fact]
    public void For_Defaults_HoldFourContextsOfTheModel() => Assert.Equal(new(1024, 4 * 32), For(new()));

    [Fact]
    public void For_LongTraining_IsCutToTheDefault() => Assert.Equal(LlmOptions.DefaultContextLength, For(new(), trained: 131072).ContextLength);

    [Fact]
    public void For_ContextLength_MayPassTheDefault() => Assert.Equal(new(100_000, 4 * 3125), For(new() { ContextLength = 100_000 }, trained: 131072));

    [Fact]
    public void For_LittleMemory_TakesAQuarterButOneContext()
    {
        Assert.Equal(new(1024, 50), For(new(), memory: 50 * 2048 * 4));
        Assert.Equal(new(1024, 32), For(new(), memory: 32 * 2048));
    }

    [Fact]
    public void For_F32_TakesTwiceTheMemory() => Assert.Equal(new(1024, 50), For(new() { KvType = KvType.F32 }, memory: 50 * 2048 * 4 * 2));

    // A scale for the 8 numbers of each key and of each value: 2 · (8 + 2) bytes in each layer.
    [Fact]
    public void For_Q8_0_CountsTheScales() => Assert.Equal(new(1024, 50), For(new() { KvType = KvType.Q8_0 }, memory: 50 * 32 * 40 * 4));

    [Fact]
    public void For_KvCacheBytes_AreKept()
    {
        Assert.Equal(new(1024, 500), For(new() { KvCacheBytes = (500 * 2048) + 17 }));
        Assert.Equal(new(320, 10), For(new() { KvCacheBytes = 10 * 2048 }));
    }

    [Fact]
    public void For_ContextThatDoesNotFitTheBytes_IsRefused()
    {
        Assert.Throws<ArgumentException>(() => For(new() { KvCacheBytes = 10 * 2048, ContextLength = 321 }));
        Assert.Throws<ArgumentException>(() => For(new() { KvCacheBytes = 2047 }));
    }

    [Fact]
    public void For_MoreBytesThanMemory_AreRefused()
    {
        var failure = Assert.Throws<ArgumentException>(() => For(new() { KvCacheBytes = Plenty + 1 }));
        Assert.Contains($"KvCacheBytes is {Plenty + 1}; this process may use {Plenty} bytes", failure.Message, StringComparison.Ordinal);
        Assert.Equal(1024, For(new() { KvCacheBytes = Plenty }).ContextLength);
    }

    [Theory]
    [InlineData(1024, (32 * 2048) - 1)]
    [InlineData(int.MaxValue, Plenty)]
    [InlineData(int.MaxValue, long.MaxValue)]
    public void For_ContextThatNoMemoryHolds_IsRefused(int context, long memory)
    {
        var failure = Assert.Throws<ArgumentException>(() => For(new() { ContextLength = context }, memory: memory));
        Assert.Contains($"A context of {context} tokens needs", failure.Message, StringComparison.Ordinal);
    }
}
