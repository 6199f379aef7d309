using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Tests;

public sealed class StateBudgetTests
{
    // 100 floats: 400 bytes for each state.
    private static readonly ModelGraph Graph = new([], 0, default, [], []) { StateLayers = [new StateLayer(3, 20), new StateLayer(4, 10)] };

    [Fact]
    public void For_AModelWithoutStates_TakesNone() => Assert.Equal(new(32, 0), StateBudget.For(new([], 0, default, [], []), 32, drafts: true, memoryBytes: 1));

    [Theory]
    [InlineData(32, false, 1 << 30, 32, 64)]
    [InlineData(32, true, 1 << 30, 32, 96)]
    [InlineData(1, true, 1 << 30, 1, 10)]
    [InlineData(32, false, 4 * 400 * 40, 32, 40)]
    [InlineData(32, false, 4 * 400 * 10, 10, 10)]
    [InlineData(32, true, 4 * 400 * 10, 5, 10)]
    [InlineData(32, true, 2 * 400, 1, 2)]
    public void For_SomeMemory_HoldsWhatFits(int asked, bool drafts, long memory, int sequences, int slots) =>
        Assert.Equal(new(sequences, slots), StateBudget.For(Graph, asked, drafts, memory));

    [Fact]
    public void For_TooLittleMemory_SaysSo() =>
        Assert.Contains("800 bytes", Assert.Throws<ArgumentException>(() => StateBudget.For(Graph, 32, drafts: true, memoryBytes: 799)).Message, StringComparison.Ordinal);
}
