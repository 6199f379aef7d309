using System.Diagnostics;
using System.Globalization;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Cpu;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Models;

namespace EmbeddedLlm.Benchmarks;

/// <summary>What verifying a draft costs: a step of several rows of one sequence, all with their logits, beside steps of one row.</summary>
internal static class RowCosts
{
    private const int Position = 256, MostRows = 8, BlockTokens = 32;

    /// <summary>Prints the median ratios to the mean of the steps of one row before and after.</summary>
    public static void Print(string model, int threads, int turns)
    {
        using var file = GgufFile.Open(model);
        var graph = ModelLoader.Load(file).Graph;
        var blocks = Enumerable.Range(0, (Position / BlockTokens) + 1).ToArray();
        using var runner = new CpuRunner(graph, new RunnerOptions { KvBlocks = blocks.Length, MaxBatchRows = Position, MaxOutputRows = MostRows, Threads = threads });
        var logits = new float[MostRows * graph.Logits.Width];
        Seconds(0, Position, outputs: 1);

        Console.WriteLine($"{Path.GetFileName(model)}, {threads} threads, {turns} turns; cost of a step at position {Position} ÷ that of one row");
        for (var rows = 2; rows <= MostRows; rows++)
        {
            Seconds(Position, rows, rows);
            var ratios = new double[turns];
            var before = Seconds(Position, 1, 1);
            for (var turn = 0; turn < turns; turn++)
            {
                var several = Seconds(Position, rows, rows);
                var after = Seconds(Position, 1, 1);
                (ratios[turn], before) = (2 * several / (before + after), after);
            }

            Array.Sort(ratios);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{rows} rows {ratios[turns / 2],6:F2}"));
        }

        double Seconds(int past, int rows, int outputs)
        {
            var start = Stopwatch.GetTimestamp();
            runner.Run(
                new Batch
                {
                    Tokens = Enumerable.Range(100, rows).ToArray(),
                    Slices = [new BatchSlice(rows, past, 0, blocks.Length)],
                    KvBlocks = blocks,
                    OutputRows = Enumerable.Range(rows - outputs, outputs).ToArray(),
                },
                logits.AsSpan(0, outputs * graph.Logits.Width));
            return Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
    }
}
