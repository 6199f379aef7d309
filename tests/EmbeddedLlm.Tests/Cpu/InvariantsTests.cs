using EmbeddedLlm.Backends;
using EmbeddedLlm.Cpu;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Tests.Cpu;

/// <summary>What the CPU backend promises, bit for bit, in every weight format.</summary>
public sealed class InvariantsTests
{
    private static readonly int[] Tokens = TestModel.Tokens(1, 40);
    private static readonly int[] Blocks = [9, 3, 60, 22, 41];

    public static TheoryData<string> Formats => [.. TestModel.Formats];

    [Theory, MemberData(nameof(Formats))]
    public void Run_AnyNumberOfThreads_GivesTheSameBits(string format)
    {
        var expected = Logits(Graph(format), TestModel.Options(1), 40);

        Assert.Equal(expected, Logits(Graph(format), TestModel.Options(2), 40));
        Assert.Equal(expected, Logits(Graph(format), TestModel.Options(3), 40));
    }

    [Theory, MemberData(nameof(Formats))]
    public void Run_InChunksOfAnySize_GivesTheSameBits(string format)
    {
        using var runner = new CpuRunner(Graph(format), TestModel.Options());
        var expected = TestModel.Run(runner, Tokens, 40, Blocks);

        foreach (var chunk in (int[])[1, 7])
            Assert.Equal(expected, TestModel.Run(runner, Tokens, chunk, [.. Blocks.Select(block => block - 1)]));
    }

    [Theory, InlineData(KvType.F16), InlineData(KvType.F32), InlineData(KvType.Q8_0)]
    public void Run_InEveryChunkSize_GivesTheSameBits(KvType kv)
    {
        using var runner = new CpuRunner(TestModel.Graph(), TestModel.Options(2, kv));
        var expected = TestModel.Run(runner, Tokens, 40, Blocks);

        foreach (var chunk in TestModel.IsSlow ? [1, 7, 8, 9] : Enumerable.Range(1, 39))
            Assert.Equal(expected, TestModel.Run(runner, Tokens, chunk, [.. Blocks.Select(block => block - 1)]));
    }

    [Theory, MemberData(nameof(Formats))]
    public void Run_WithNeighboursInTheBatch_GivesTheSameBits(string format)
    {
        using var runner = new CpuRunner(Graph(format), TestModel.Options());
        var a = TestModel.Tokens(2, 11);
        var b = TestModel.Tokens(3, 5);
        var c = TestModel.Tokens(4, 14);
        float[][] alone = [TestModel.Run(runner, a, 11, [0, 1]), TestModel.Run(runner, b, 5, [2]), TestModel.Run(runner, c, 14, [3, 4])];

        // The first ten of a, then its last beside b and c.
        TestModel.Run(runner, a.AsSpan(0, 10), 10, [10, 11]);
        var together = new float[20 * TestModel.Vocabulary];
        runner.Run(
            new Batch
            {
                Tokens = [.. b, a[10], .. c],
                Slices = [new BatchSlice(5, 0, 0, 1), new BatchSlice(1, 10, 1, 2), new BatchSlice(14, 0, 3, 2)],
                KvBlocks = [20, 10, 11, 30, 31],
                OutputRows = [.. Enumerable.Range(0, 20)],
            },
            together);

        Assert.Equal([.. alone[1], .. alone[0][(10 * TestModel.Vocabulary)..], .. alone[2]], together);
    }

    /// <summary>What verifies a draft: several rows of logits of each of several sequences behind their past, and one row of others.</summary>
    [Theory, MemberData(nameof(Formats))]
    public void Run_DraftsOfSeveralSequences_GiveTheBitsOfDecodingOneByOne(string format)
    {
        using var runner = new CpuRunner(Graph(format), TestModel.Options());
        var a = TestModel.Tokens(2, 20);
        var b = TestModel.Tokens(3, 12);
        var c = TestModel.Tokens(4, 9);
        float[][] alone = [TestModel.Run(runner, a, 1, [0, 1, 2]), TestModel.Run(runner, b, 1, [3, 4]), TestModel.Run(runner, c, 1, [5, 6])];

        // Eight rows of a across two blocks, of which one was written to by a draft that was wrong, one of b, three of c.
        TestModel.Run(runner, [.. a.AsSpan(0, 12), .. c.AsSpan(0, 8)], 20, [10, 11, 12]);
        TestModel.Run(runner, b.AsSpan(0, 11), 11, [13, 14]);
        TestModel.Run(runner, c.AsSpan(0, 6), 6, [15, 16]);
        var together = new float[12 * TestModel.Vocabulary];
        runner.Run(
            new Batch
            {
                Tokens = [.. a.AsSpan(12), b[11], .. c.AsSpan(6)],
                Slices = [new BatchSlice(8, 12, 0, 3), new BatchSlice(1, 11, 3, 2), new BatchSlice(3, 6, 5, 2)],
                KvBlocks = [10, 11, 12, 13, 14, 15, 16],
                OutputRows = [.. Enumerable.Range(0, 12)],
            },
            together);

        Assert.Equal([.. alone[0][(12 * TestModel.Vocabulary)..], .. alone[1][(11 * TestModel.Vocabulary)..], .. alone[2][(6 * TestModel.Vocabulary)..]], together);
    }

    [Theory, MemberData(nameof(Formats))]
    public void Run_WithoutFusions_GivesTheSameBits(string format)
    {
        foreach (var chunk in TestModel.IsSlow ? (int[])[40] : [40, 1])
            Assert.Equal(Logits(Graph(format), TestModel.Options(), chunk, CpuFusions.None), Logits(Graph(format), TestModel.Options(), chunk));
    }

    [Theory, MemberData(nameof(Formats))]
    public void Run_WithWeightsKeptInTheFile_GivesTheSameBits(string format)
    {
        foreach (var chunk in TestModel.IsSlow ? (int[])[40] : [40, 8, 1])
            Assert.Equal(Logits(Graph(format), TestModel.Options(), chunk), Logits(Graph(format), TestModel.Options() with { KeepWeightsInFile = true }, chunk));
    }

    [Fact]
    public void Run_SomeOutputRows_GivesTheirLogits()
    {
        using var runner = new CpuRunner(TestModel.Graph(), TestModel.Options());
        var all = TestModel.Run(runner, Tokens, 40, Blocks);
        int[] rows = [0, 7, 8, 39];

        var some = new float[rows.Length * TestModel.Vocabulary];
        runner.Run(new Batch { Tokens = Tokens, Slices = [new BatchSlice(40, 0, 0, 5)], KvBlocks = Blocks, OutputRows = rows }, some);
        runner.Run(new Batch { Tokens = Tokens, Slices = [new BatchSlice(40, 0, 0, 5)], KvBlocks = Blocks, OutputRows = [] }, []);

        Assert.Equal([.. rows.SelectMany(row => all.AsSpan(row * TestModel.Vocabulary, TestModel.Vocabulary).ToArray())], some);
    }

    [Theory, InlineData(KvType.F16), InlineData(KvType.F32), InlineData(KvType.Q8_0)]
    public void Run_InBlocksThatHeldNoNumbers_GivesTheSameBits(KvType kv)
    {
        using var runner = new CpuRunner(TestModel.Graph(), TestModel.Options(2, kv));
        var expected = TestModel.Run(runner, Tokens, 40, Blocks);
        int[] blocks = [1, 2, 4, 5, 6];

        var poisoned = TestModel.Run(runner, [.. Enumerable.Repeat(TestModel.NotANumber, 40)], 40, blocks);
        Assert.All(poisoned, logit => Assert.True(float.IsNaN(logit)));

        Assert.Equal(expected, TestModel.Run(runner, Tokens, 40, blocks));
        Assert.Equal(expected, TestModel.Run(runner, Tokens, 3, blocks));
    }

    [Theory, InlineData(KvType.F16), InlineData(KvType.F32), InlineData(KvType.Q8_0)]
    public void Run_NotANumberAtALaterPosition_LeavesEarlierRowsAlone(KvType kv)
    {
        using var runner = new CpuRunner(TestModel.Graph(), TestModel.Options(2, kv));
        var expected = TestModel.Run(runner, Tokens, 40, Blocks);

        foreach (var chunk in (int[])[40, 1])
        {
            var logits = TestModel.Run(runner, [.. Tokens.AsSpan(0, 21), TestModel.NotANumber, .. Tokens.AsSpan(22)], chunk, Blocks);

            Assert.Equal(expected.AsSpan(0, 21 * TestModel.Vocabulary), logits.AsSpan(0, 21 * TestModel.Vocabulary));
            Assert.All(logits.AsSpan(21 * TestModel.Vocabulary).ToArray(), logit => Assert.True(float.IsNaN(logit)));
        }
    }

    [Fact]
    public void CopyKvBlock_OfASharedPrefix_ContinuesAsTheOriginalWould()
    {
        using var runner = new CpuRunner(TestModel.Graph(), TestModel.Options());
        var expected = TestModel.Run(runner, Tokens, 40, Blocks);

        runner.CopyKvBlock(Blocks[2], 50);
        var last = new float[TestModel.Vocabulary];
        runner.Run(new Batch { Tokens = [Tokens[20]], Slices = [new BatchSlice(1, 20, 0, 3)], KvBlocks = [Blocks[0], Blocks[1], 50], OutputRows = [0] }, last);

        Assert.Equal(expected.AsSpan(20 * TestModel.Vocabulary, TestModel.Vocabulary), last.AsSpan());
    }

    public static TheoryData<string, bool> FormatsAndPlaces => [.. from format in TestModel.Formats from inFile in (bool[])[false, true] select (format, inFile)];

    [Theory, MemberData(nameof(FormatsAndPlaces))]
    public void Run_AfterTheFirst_AllocatesNothingOnAnyThread(string format, bool inFile)
    {
        var (before, after) = (new AllocationMeter(), new AllocationMeter());
        using var runner = new CpuRunner(Graph(format), TestModel.Options(3) with { KeepWeightsInFile = inFile }, walked: kernels => [before, .. kernels, after]);
        var logits = new float[8 * TestModel.Vocabulary];
        int[] outputs = [0, 1, 2, 3, 4, 5, 6, 7];
        BatchSlice[] slices = [new(8, 32, 0, 5)];
        BatchSlice[] decoding = [new(1, 39, 0, 5)];
        void Step()
        {
            runner.Run(new Batch { Tokens = Tokens.AsSpan(0, 8), Slices = slices, KvBlocks = Blocks, OutputRows = outputs }, logits);
            runner.Run(new Batch { Tokens = Tokens.AsSpan(39), Slices = decoding, KvBlocks = Blocks, OutputRows = outputs.AsSpan(0, 1) }, logits);
        }

        var steps = TestModel.IsSlow ? 2 : 20;
        Step();

        Measure(() =>
        {
            for (var i = 0; i < steps; i++)
            {
                Step();
                if (!before.Bytes.SequenceEqual(after.Bytes))
                    return $"Threads had [{string.Join(", ", before.Bytes)}] bytes before a step, [{string.Join(", ", after.Bytes)}] after it.";
            }

            return null;
        });

        // The comparison above may allocate; a run by itself must not.
        Measure(() =>
        {
            var start = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < steps; i++)
                Step();
            var bytes = GC.GetAllocatedBytesForCurrentThread() - start;
            return bytes == 0 ? null : $"{steps} steps took {bytes} bytes.";
        });
    }

    // A collection, which other tests cause, takes what threads have left of their allocation blocks, and the runtime counts that as allocated.
    // So it is enough that one of several measurements finds nothing.
    private static void Measure(Func<string?> find)
    {
        string? found = null;
        for (var tries = 0; tries < 20; tries++)
        {
            found = find();
            if (found is null)
                return;
        }

        Assert.Fail(found!);
    }

    private static ModelGraph Graph(string format) => TestModel.Graph(BlockFormats.All.Single(one => one.Name == format));

    private static float[] Logits(ModelGraph graph, RunnerOptions options, int chunk, CpuFusions fusions = CpuFusions.All)
    {
        using var runner = new CpuRunner(graph, options, fusions);
        return TestModel.Run(runner, Tokens, chunk, Blocks);
    }

    private sealed class AllocationMeter : CpuKernel
    {
        public long[] Bytes { get; } = new long[3];

        public override void Run(int phase, CpuStep step, Worker worker) => Bytes[worker.Index] = GC.GetAllocatedBytesForCurrentThread();
    }
}
