using System.Diagnostics;
using System.Globalization;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Cpu;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Models;

namespace EmbeddedLlm.Benchmarks;

/// <summary>A model whose weights are packed and kept beside the same model with the file as the only copy: both do each thing in turn.</summary>
internal static class InFileSpeed
{
    private const int Prompt = 512;

    private const int Decoded = 2;

    /// <summary>Prints a row for prefill, decode, and decode of eight: tokens a second of both in their quickest turns, the ratio of these, and the median of the ratios of single turns.</summary>
    public static void Print(string path, int threads, int turns)
    {
        using var file = GgufFile.Open(path);
        var graph = ModelLoader.Load(file).Graph;
        var options = new RunnerOptions { KvBlocks = 8 + Prompt / 32, Threads = threads };
        using var packed = new CpuRunner(graph, options);
        using var inFile = new CpuRunner(graph, options with { KeepWeightsInFile = true });
        var logits = new float[8 * graph.Logits.Width];
        var blocks = Enumerable.Range(0, options.KvBlocks).ToArray();
        var tokens = Enumerable.Range(100, Prompt).ToArray();
        int[] outputs = [0, 1, 2, 3, 4, 5, 6, 7];

        Console.WriteLine($"{Path.GetFileName(path)}, {threads} threads, {turns} turns");
        Console.WriteLine($"{"",-14}{"packed",10}{"in file",10}{"ratio",10}{"median",10}");
        Row("decode", 1, Decoded, turns, runner => runner.Run(
            new Batch { Tokens = tokens.AsSpan(0, 1), Slices = [new BatchSlice(1, 0, 0, 1)], KvBlocks = blocks, OutputRows = outputs.AsSpan(0, 1) }, logits));
        Row("decode × 8", 8, Decoded, turns, runner => runner.Run(
            new Batch { Tokens = tokens.AsSpan(0, 8), Slices = [.. Enumerable.Range(0, 8).Select(i => new BatchSlice(1, 0, i, 1))], KvBlocks = blocks, OutputRows = outputs }, logits));
        Row($"prefill {Prompt}", Prompt, 1, Math.Max(1, turns / 5), runner => runner.Run(
            new Batch { Tokens = tokens, Slices = [new BatchSlice(Prompt, 0, 0, Prompt / 32)], KvBlocks = blocks, OutputRows = [] }, []));

        void Row(string name, int rows, int repeats, int turns, Action<CpuRunner> step)
        {
            step(packed);
            step(inFile);
            var pairs = Enumerable.Range(0, turns).Select(_ => (Packed: Speed(packed), InFile: Speed(inFile))).ToArray();
            var best = (Packed: pairs.Max(pair => pair.Packed), InFile: pairs.Max(pair => pair.InFile));
            var median = pairs.Select(pair => pair.InFile / pair.Packed).Order().ElementAt(turns / 2);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-14}{best.Packed,10:F1}{best.InFile,10:F1}{best.InFile / best.Packed,10:F2}{median,10:F2}"));

            double Speed(CpuRunner runner)
            {
                var start = Stopwatch.GetTimestamp();
                for (var i = 0; i < repeats; i++)
                    step(runner);
                return rows * repeats / Stopwatch.GetElapsedTime(start).TotalSeconds;
            }
        }
    }
}
