using System.Diagnostics;
using System.Globalization;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Cpu;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Models;

namespace EmbeddedLlm.Benchmarks;

/// <summary>A mixture of experts beside a dense model of as many weights as it has active, step by step in turn: neighbours on the machine slow down both alike.</summary>
internal static class ExpertsSpeed
{
    private const int Prompt = 128;

    /// <summary>Prints steps per second of both in their quickest turns, the ratio of these, and the median of the ratios of single turns.</summary>
    public static void Print(string mixturePath, string densePath, int threads, int turns)
    {
        using var mixtureFile = GgufFile.Open(mixturePath);
        using var denseFile = GgufFile.Open(densePath);
        var options = new RunnerOptions { KvBlocks = 8, Threads = threads };
        using var mixture = new CpuRunner(ModelLoader.Load(mixtureFile).Graph, options);
        using var dense = new CpuRunner(ModelLoader.Load(denseFile).Graph, options);
        var graph = ModelLoader.Load(denseFile).Graph;
        var logits = new float[8 * graph.Logits.Width];
        var random = new Random(1);
        var blocks = Enumerable.Range(0, options.KvBlocks).ToArray();
        int[] outputs = [0, 1, 2, 3, 4, 5, 6, 7];
        int[] tokens = [];

        Console.WriteLine($"{Path.GetFileName(mixturePath)} against {Path.GetFileName(densePath)}, {threads} threads, {turns} turns");
        Console.WriteLine("| Step | Dense, steps/s | Experts | Ratio | Median |\n|---|---:|---:|---:|---:|");
        Row("decode", 1, turns, runner => runner.Run(
            new Batch { Tokens = tokens, Slices = [new BatchSlice(1, 0, 0, 1)], KvBlocks = blocks, OutputRows = outputs.AsSpan(0, 1) }, logits));
        Row("decode × 8", 8, Math.Max(1, turns / 3), runner => runner.Run(
            new Batch { Tokens = tokens, Slices = [.. Enumerable.Range(0, 8).Select(i => new BatchSlice(1, 0, i, 1))], KvBlocks = blocks, OutputRows = outputs }, logits));
        Row($"prefill {Prompt}", Prompt, Math.Max(1, turns / 10), runner => runner.Run(
            new Batch { Tokens = tokens, Slices = [new BatchSlice(Prompt, 0, 0, Prompt / 32)], KvBlocks = blocks, OutputRows = [] }, []));

        void Row(string name, int rows, int count, Action<CpuRunner> step)
        {
            var pairs = new List<(double Dense, double Mixture)>();
            for (var i = 0; i <= count; i++)
            {
                // Other tokens each time, so that other experts are chosen.
                tokens = [.. Enumerable.Range(0, rows).Select(_ => random.Next(graph.Logits.Width))];
                pairs.Add((Speed(dense), Speed(mixture)));
            }

            pairs.RemoveAt(0);
            var best = (Dense: pairs.Max(pair => pair.Dense), Mixture: pairs.Max(pair => pair.Mixture));
            var median = pairs.Select(pair => pair.Mixture / pair.Dense).Order().ElementAt(pairs.Count / 2);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {name} | {best.Dense:F1} | {best.Mixture:F1} | {best.Mixture / best.Dense:F2} | {median:F2} |"));

            double Speed(CpuRunner runner)
            {
                var start = Stopwatch.GetTimestamp();
                step(runner);
                return 1 / Stopwatch.GetElapsedTime(start).TotalSeconds;
            }
        }
    }
}
