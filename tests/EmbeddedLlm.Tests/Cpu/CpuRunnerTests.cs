using EmbeddedLlm.Backends;
using EmbeddedLlm.Cpu;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Quantization;
using EmbeddedLlm.Tests.Graph;

namespace EmbeddedLlm.Tests.Cpu;

public sealed class CpuRunnerTests
{
    private static readonly int[] Tokens = TestModel.Tokens(5, 20);

    [Theory, InlineData(0), InlineData(2)]
    public void Run_KernelFailsInAWorker_ThrowsItAndRunsAgain(int worker)
    {
        var fault = new Fault { Worker = worker };
        using var runner = new CpuRunner(TestModel.Graph(), TestModel.Options(3), walked: kernels => [.. kernels.Take(5), fault, .. kernels.Skip(5)]);
        var expected = TestModel.Run(runner, Tokens, 20, [0, 1, 2]);

        for (var i = 0; i < 3; i++)
        {
            fault.Fails = true;
            Assert.Throws<TimeoutException>(() => TestModel.Run(runner, Tokens, 20, [0, 1, 2]));
            fault.Fails = false;
            Assert.Equal(expected, TestModel.Run(runner, Tokens, 20, [0, 1, 2]));
        }
    }

    [Fact]
    public void Run_BadBatches_ThrowsArgumentExceptionAndLeavesTheCacheAlone()
    {
        using var runner = new CpuRunner(TestModel.Graph(), TestModel.Options());
        var expected = TestModel.Run(runner, Tokens, 20, [0, 1, 2]);
        var last = expected.AsSpan(19 * TestModel.Vocabulary).ToArray();
        var random = new Random(3);

        for (var i = 0; i < 3000; i++)
        {
            var bad = BadBatch.Random(random);
            var exception = Record.Exception(() => bad.Run(runner));
            Assert.True(exception is ArgumentException, $"{bad}: {exception?.ToString() ?? "accepted"}");
        }

        var again = new float[TestModel.Vocabulary];
        runner.Run(new Batch { Tokens = [Tokens[19]], Slices = [new BatchSlice(1, 19, 0, 3)], KvBlocks = [0, 1, 2], OutputRows = [0] }, again);
        Assert.Equal(last, again);
    }

    [Fact]
    public void Run_FromWithinARun_ThrowsInvalidOperation()
    {
        var probe = new Reentry();
        using var runner = new CpuRunner(TestModel.Graph(), TestModel.Options(2), walked: kernels => [probe, .. kernels]);
        probe.Runner = runner;

        TestModel.Run(runner, Tokens, 20, [0, 1, 2]);

        Assert.IsType<InvalidOperationException>(probe.Thrown);
    }

    [Fact]
    public void Dispose_Twice_IsSafeAndRunThrowsAfter()
    {
        var runner = new CpuRunner(TestModel.Graph(), TestModel.Options());
        TestModel.Run(runner, Tokens, 20, [0, 1, 2]);

        runner.Dispose();
        runner.Dispose();

        Assert.Throws<ObjectDisposedException>(() => TestModel.Run(runner, Tokens, 20, [0, 1, 2]));
        Assert.Throws<ObjectDisposedException>(() => runner.CopyKvBlock(0, 1));
    }

    [Theory, InlineData(-1, 0), InlineData(0, TestModel.Blocks), InlineData(int.MaxValue, 0)]
    public void CopyKvBlock_OutOfRange_Throws(int from, int to)
    {
        using var runner = new CpuRunner(TestModel.Graph(), TestModel.Options());

        Assert.ThrowsAny<ArgumentException>(() => runner.CopyKvBlock(from, to));
    }

    [Fact]
    public void Load_OptionsOutOfRange_Throws()
    {
        var graph = TestModel.Graph();
        var good = TestModel.Options();
        RunnerOptions[] bad = [good with { KvBlocks = 0 }, good with { KvBlockTokens = 0 }, good with { MaxBatchRows = 0 }, good with { MaxOutputRows = 0 }, good with { Threads = -1 }];

        Assert.All(bad, options => Assert.ThrowsAny<ArgumentException>(() => new CpuBackend().Load(graph, options)));
    }

    [Fact]
    public void Load_MoreNumbersThanAreCounted_IsRefused()
    {
        var b = new GraphBuilder();
        var x = b.Linear(b.PickRows(b.Embed(TestWeights.Matrix("table", 1, 1))), new Weight("wide", BlockFormats.Get(GgmlType.F32), 1, 1 << 26, new Nothing(), 0));
        var graph = b.Build(x);

        var exception = Assert.Throws<UnsupportedModelException>(() => new CpuBackend().Load(graph, TestModel.Options()));

        Assert.Contains("48 rows of 67108864 numbers", exception.Message, StringComparison.Ordinal);
    }

    [Theory, InlineData(1 << 28), InlineData(int.MaxValue)]
    public void Load_KvBlocksBeyondAllMemory_EndsInATypedException(int size)
    {
        foreach (var options in (RunnerOptions[])[TestModel.Options() with { KvBlockTokens = size }, TestModel.Options() with { KvBlocks = int.MaxValue, KvBlockTokens = size }])
            Assert.ThrowsAny<LlmException>(() => new CpuBackend().Load(TestModel.Graph(), options));
    }

    [Fact]
    public void Load_NoThreadsAsked_UsesOnePerCore()
    {
        using var runner = new CpuRunner(TestModel.Graph(), TestModel.Options(0));

        Assert.Equal(ProcessorCores.Count, runner.Threads);
    }

    // Stands for weights that nothing may read.
    private sealed class Nothing : WeightStorage
    {
        public override ReadOnlySpan<byte> Slice(long offset, int length) => throw new InvalidOperationException();
    }

    private sealed class Fault : CpuKernel
    {
        public bool Fails;

        public required int Worker { get; init; }

        public override int Phases => 2;

        public override void Run(int phase, CpuStep step, Worker worker)
        {
            if (Fails && phase == 1 && worker.Index == Worker)
                throw new TimeoutException();
        }
    }

    private sealed class Reentry : CpuKernel
    {
        public CpuRunner? Runner;
        public Exception? Thrown;

        public override void Run(int phase, CpuStep step, Worker worker)
        {
            if (worker.Index == 1)
                Thrown = Record.Exception(() => TestModel.Run(Runner!, [1], 1, [0]));
        }
    }

    /// <summary>A good batch with one thing wrong.</summary>
    private sealed record BadBatch(string Fault, int[] Tokens, BatchSlice[] Slices, int[] KvBlocks, int[] OutputRows, int Logits)
    {
        public void Run(CpuRunner runner) => runner.Run(new Batch { Tokens = Tokens, Slices = Slices, KvBlocks = KvBlocks, OutputRows = OutputRows }, new float[Logits]);

        // Two sequences in blocks 10 … , which hold nothing of worth; the faults may name any block.
        public static BadBatch Random(Random random)
        {
            var (rowsA, rowsB, pastA, pastB) = (random.Next(1, 10), random.Next(1, 10), random.Next(20), random.Next(20));
            var rows = rowsA + rowsB;
            var (blocksA, blocksB) = (BlocksFor(pastA + rowsA), BlocksFor(pastB + rowsB));
            int[] outputs = [.. Enumerable.Range(0, rows).Where(_ => random.Next(2) == 0)];
            var good = new BadBatch(
                "", TestModel.Tokens(random.Next(), rows), [new(rowsA, pastA, 0, blocksA), new(rowsB, pastB, blocksA, blocksB)],
                [.. Enumerable.Range(10, blocksA + blocksB)], outputs, outputs.Length * TestModel.Vocabulary);
            var which = random.Next(2);
            var wrong = random.Next(2) == 0 ? random.Next(int.MinValue, 0) : random.Next(TestModel.Vocabulary, int.MaxValue);
            BadBatch Slice(string fault, Func<BatchSlice, BatchSlice> change) =>
                good with { Fault = fault, Slices = [.. good.Slices.Select((slice, i) => i == which ? change(slice) : slice)] };
            int[] With(int[] values, int index, int value) => [.. values.Select((old, i) => i == index ? value : old)];

            return random.Next(13) switch
            {
                0 => good with { Fault = "token", Tokens = With(good.Tokens, random.Next(rows), wrong) },
                1 => good with { Fault = "no rows", Tokens = [], Slices = [], OutputRows = [] },
                2 => good with { Fault = "too many rows", Tokens = new int[49], Slices = [new(49, 0, 0, 7)], KvBlocks = [.. Enumerable.Range(10, 7)] },
                3 => good with { Fault = "a row without slice", Tokens = [.. good.Tokens, 1] },
                4 => Slice("past", slice => slice with { Past = wrong }),
                5 => Slice("rows", slice => slice with { Rows = random.Next(2) == 0 ? 0 : wrong }),
                6 => Slice("start of blocks", slice => slice with { KvStart = wrong }),
                7 => Slice("too few blocks", slice => slice with { KvCount = random.Next(2) == 0 ? slice.KvCount - 1 : wrong }),
                8 => good with { Fault = "block", KvBlocks = With(good.KvBlocks, random.Next(good.KvBlocks.Length), wrong) },
                9 => good with { Fault = "block written twice", KvBlocks = With(good.KvBlocks, blocksA - 1, good.KvBlocks[^1]) },
                10 => good with { Fault = "output row", OutputRows = [.. outputs, random.Next(2) == 0 ? rows : wrong], Logits = (outputs.Length + 1) * TestModel.Vocabulary },
                11 => good with { Fault = "output rows not ascending", OutputRows = [rows - 1, rows - 1], Logits = 2 * TestModel.Vocabulary },
                _ => good with { Fault = "logits too short", OutputRows = [0], Logits = TestModel.Vocabulary - 1 },
            };
        }

        private static int BlocksFor(int positions) => (positions + TestModel.BlockTokens - 1) / TestModel.BlockTokens;
    }
}
