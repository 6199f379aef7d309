using System.Diagnostics;
using EmbeddedLlm.Assembler;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Cpu;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Models;

namespace EmbeddedLlm.Benchmarks;

/// <summary>A model on the CPU backend and on the assembler, both loaded, step by step in turn: neighbours on the machine slow down both alike.</summary>
internal static class BackendComparison
{
    /// <summary>Prints the median of the ratios of neighbouring steps, and the best speeds.</summary>
    public static void Print(string path, int rounds)
    {
        using var file = GgufFile.Open(path);
        var graph = ModelLoader.Load(file).Graph;
        var options = new RunnerOptions { KvBlocks = 32, KvType = KvType.F16, MaxOutputRows = 8 };
        using var cpu = new CpuBackend().Load(graph, options);
        using var assembler = new AssemblerBackend().Load(graph, options);
        var logits = new float[8 * graph.Logits.Width];
        var random = new Random(1);
        var tokens = Enumerable.Range(0, 512).Select(_ => random.Next(graph.Logits.Width)).ToArray();
        Console.WriteLine("| Step | CPU, tokens/s | Assembler | Ratio |\n|---|---:|---:|---:|");
        Compare("prefill 512", 512, rounds, runner => runner.Run(
            new Batch { Tokens = tokens, Slices = [new BatchSlice(512, 0, 0, 16)], KvBlocks = Blocks(16), OutputRows = [511] }, logits.AsSpan(0, graph.Logits.Width)));
        Compare("decode", 1, 16 * rounds, runner => runner.Run(
            new Batch { Tokens = tokens.AsSpan(0, 1), Slices = [new BatchSlice(1, 31, 0, 1)], KvBlocks = Blocks(1), OutputRows = [0] }, logits.AsSpan(0, graph.Logits.Width)));
        Compare("decode × 8", 8, 8 * rounds, runner => runner.Run(
            new Batch
            {
                Tokens = tokens.AsSpan(0, 8),
                Slices = [.. Enumerable.Range(0, 8).Select(i => new BatchSlice(1, 31, i, 1))],
                KvBlocks = Blocks(8),
                OutputRows = [0, 1, 2, 3, 4, 5, 6, 7],
            },
            logits));

        void Compare(string name, int count, int times, Action<IModelRunner> step)
        {
            step(cpu);
            step(assembler);
            var pairs = Enumerable.Range(0, times).Select(_ => (Cpu: count / Seconds(cpu, step), Assembler: count / Seconds(assembler, step))).ToArray();
            var ratio = pairs.Select(pair => pair.Assembler / pair.Cpu).Order().ElementAt(times / 2);
            Console.WriteLine($"| {name} | {pairs.Max(pair => pair.Cpu):F1} | {pairs.Max(pair => pair.Assembler):F1} | {ratio:F2} |");
        }
    }

    private static int[] Blocks(int count) => [.. Enumerable.Range(0, count)];

    private static double Seconds(IModelRunner runner, Action<IModelRunner> step)
    {
        var start = Stopwatch.GetTimestamp();
        step(runner);
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
