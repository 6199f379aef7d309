using EmbeddedLlm.Backends;
using EmbeddedLlm.Cpu;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Tests.Graph;

namespace EmbeddedLlm.Tests.Cpu;

/// <summary>States of recurrent steps in the slots of a runner.</summary>
public sealed class StateMemoryTests
{
    private const int Tokens = 7;

    /// <summary>One channel: each row is the sum of its token and the last.</summary>
    private static ModelGraph Sums
    {
        get
        {
            var graph = new GraphBuilder();
            var x = graph.Embed(TestWeights.Of("token_embd", Tokens, 1, [0, 1, 2, 3, 4, 5, float.NaN]));
            return graph.Build(graph.PickRows(graph.ShortConvolution(x, TestWeights.Of("kernel", 1, 2, [1, 1]), null)));
        }
    }

    private static CpuRunner Runner(int slots = 3) => new(Sums, new RunnerOptions { KvBlocks = 2, KvBlockTokens = 8, StateSlots = slots, Threads = 1 });

    private static float[] Run(CpuRunner runner, int[] tokens, params BatchSlice[] slices)
    {
        var result = new float[tokens.Length];
        runner.Run(new Batch { Tokens = tokens, Slices = slices, KvBlocks = [0, 1], OutputRows = [.. Enumerable.Range(0, tokens.Length)] }, result);
        return result;
    }

    [Fact]
    public void Run_FromOneSlotToAnother_LeavesTheFirstAsItWas()
    {
        using var runner = Runner();
        Assert.Equal([1, 3], Run(runner, [1, 2], new BatchSlice(2, 0, 0, 1) { StateTo = 1 }));
        Assert.Equal([5], Run(runner, [3], new BatchSlice(1, 2, 0, 1) { StateFrom = 1, StateTo = 2 }));
        Assert.Equal([6], Run(runner, [4], new BatchSlice(1, 2, 0, 1) { StateFrom = 1, StateTo = 1 }));
        Assert.Equal([7], Run(runner, [4], new BatchSlice(1, 3, 0, 1) { StateFrom = 2, StateTo = 2 }));
    }

    [Fact]
    public void Run_InASlotThatHeldNoNumber_BeginsWithZeros()
    {
        using var runner = Runner(slots: 1);
        Assert.Equal([float.NaN], Run(runner, [6], new BatchSlice(1, 0, 0, 1)));
        Assert.Equal([float.NaN], Run(runner, [1], new BatchSlice(1, 1, 0, 1)));
        Assert.Equal([1], Run(runner, [1], new BatchSlice(1, 0, 0, 1)));
    }

    [Fact]
    public void CopyState_ToAnotherSlot_BothGoOn()
    {
        using var runner = Runner();
        Run(runner, [1, 2], new BatchSlice(2, 0, 0, 1));
        runner.CopyState(0, 2);
        Assert.Equal([5, 6], Run(runner, [3, 4], new BatchSlice(1, 2, 0, 1), new BatchSlice(1, 2, 1, 1) { StateFrom = 2, StateTo = 2 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => runner.CopyState(0, 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => runner.CopyState(-1, 0));
    }

    [Theory]
    [InlineData(0, 3, 1, 1, "there are 3")]
    [InlineData(-1, 0, 1, 1, "there are 3")]
    [InlineData(1, 1, 1, 1, "written twice")]
    [InlineData(0, 0, 2, 1, null)]
    [InlineData(0, 0, 0, 1, "by another")]
    [InlineData(1, 0, 1, 1, "by another")]
    public void Run_StatesThatMeet_AreRefusedBeforeAnythingIsWritten(int from, int to, int otherFrom, int otherTo, string? expected)
    {
        using var runner = Runner();
        BatchSlice[] slices = [new BatchSlice(1, 1, 0, 1) { StateFrom = from, StateTo = to }, new BatchSlice(1, 1, 1, 1) { StateFrom = otherFrom, StateTo = otherTo }];
        if (expected is null)
            Run(runner, [1, 2], slices);
        else
            Assert.Contains(expected, Assert.Throws<ArgumentException>(() => Run(runner, [1, 2], slices)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_WithoutASlot_IsRefused() => Assert.Throws<ArgumentOutOfRangeException>(() => Runner(slots: 0));
}
