using System.Diagnostics;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Cpu;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Models;

namespace EmbeddedLlm.Benchmarks;

/// <summary>What part of a step each kind of kernel takes, by the clock of the first worker; waiting for the others is not counted.</summary>
internal static class KernelShares
{
    // The runtime compiles hot methods anew only after some tenths of a second, and steps may be quicker than that.
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(2);

    private const int Steps = 20;

    /// <summary>Prints the shares of a step of <paramref name="rows"/> rows of one sequence.</summary>
    public static void Print(string model, int threads, int rows)
    {
        using var file = GgufFile.Open(model);
        var graph = ModelLoader.Load(file).Graph;
        var ticks = new Dictionary<string, long>(StringComparer.Ordinal);
        using var runner = new CpuRunner(
            graph,
            new RunnerOptions { KvBlocks = rows / 32 + 2, MaxBatchRows = rows, Threads = threads },
            walked: kernels => [.. kernels.Select(kernel => new Timed(kernel, ticks))]);
        var blocks = Enumerable.Range(0, rows / 32 + 2).ToArray();
        var logits = new float[graph.Logits.Width];
        var start = Stopwatch.GetTimestamp();
        for (var step = 0; step < Steps; step++)
        {
            if (Stopwatch.GetElapsedTime(start) < WarmUp)
            {
                ticks.Clear();
                step = 0;
            }

            runner.Run(new Batch { Tokens = new int[rows], Slices = [new BatchSlice(rows, 0, 0, blocks.Length)], KvBlocks = blocks, OutputRows = [rows - 1] }, logits);
        }

        var all = ticks.Values.Sum();
        foreach (var (kind, own) in ticks.OrderByDescending(pair => pair.Value))
            Console.WriteLine($"{kind,-26} {own * 1e3 / Stopwatch.Frequency / Steps,9:F2} ms {100.0 * own / all,5:F1} %");
    }

    private sealed class Timed(CpuKernel inner, Dictionary<string, long> ticks) : CpuKernel
    {
        private readonly string _kind = inner.GetType().Name.Split('`')[0];

        public override int Phases => inner.Phases;

        public override int ScratchBytes => inner.ScratchBytes;

        public override void Run(int phase, CpuStep step, Worker worker)
        {
            var start = Stopwatch.GetTimestamp();
            inner.Run(phase, step, worker);
            if (worker.Index == 0)
                ticks[_kind] = ticks.GetValueOrDefault(_kind) + Stopwatch.GetTimestamp() - start;
        }

        public override void Dispose()
        {
            base.Dispose();
            inner.Dispose();
        }
    }
}
