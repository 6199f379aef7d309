using System.Diagnostics;
using System.Globalization;
using EmbeddedLlm.Assembler;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Cpu;
using EmbeddedLlm.Embeddings;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Models;
using Microsoft.Extensions.Logging.Abstractions;

namespace EmbeddedLlm.Benchmarks;

/// <summary>Texts per second of an embedding model: one call for each of 32 texts, and one call for all; in turn, so that both meet the same machine.</summary>
internal static class EmbeddingSpeed
{
    private const int Texts = 32, Rounds = 9;

    public static async Task PrintAsync(string path, int threads, params IEnumerable<int> lengths)
    {
        foreach (var backend in (IBackend[])[new CpuBackend(), new AssemblerBackend()])
            await PrintAsync(backend, path, threads, lengths).ConfigureAwait(false);
    }

    private static async Task PrintAsync(IBackend backend, string path, int threads, IEnumerable<int> lengths)
    {
        using var file = GgufFile.Open(path);
        var pooling = ModelLoader.Load(file).Spec.Pooling!.Value;
        var (spec, graph) = ModelLoader.Load(file, pooling: pooling);
        var (options, sizes) = EmbeddingParts.SizesOf(graph, spec, pooling, new() { Threads = threads }, Path.GetFileName(path), long.MaxValue);
        if (backend.Offer(graph) is { CanRun: false } offer)
        {
            Console.WriteLine(offer.Reason);
            return;
        }

        using var runner = backend.Load(graph, options);
        using var engine = new EmbeddingEngine(runner, sizes, NullLogger.Instance);
        Console.WriteLine($"{spec}, {backend.Name}, {CpuBackend.InstructionSet}, {threads} threads");
        Console.WriteLine("| Tokens | One by one, texts/s | Together, texts/s | Ratio (least … most) |\n|---|---|---|---|");
        foreach (var length in lengths)
        {
            var random = new Random(length);
            int[][] texts = [.. Enumerable.Range(0, Texts).Select(_ => Enumerable.Range(0, length).Select(_ => random.Next(spec.VocabularySize)).ToArray())];
            List<(double Alone, double Together)> rounds = [];
            for (var round = 0; round <= Rounds; round++)
            {
                var start = Stopwatch.GetTimestamp();
                foreach (var text in texts)
                    await engine.RunAsync([text], CancellationToken.None).ConfigureAwait(false);
                var middle = Stopwatch.GetTimestamp();
                await engine.RunAsync(texts, CancellationToken.None).ConfigureAwait(false);
                if (round > 0)      // the first warms up
                    rounds.Add((Texts / Stopwatch.GetElapsedTime(start, middle).TotalSeconds, Texts / Stopwatch.GetElapsedTime(middle).TotalSeconds));
            }

            var ratios = rounds.Select(speeds => speeds.Together / speeds.Alone).Order().ToArray();
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {length} | {Median(rounds.Select(speeds => speeds.Alone)):F0} | {Median(rounds.Select(speeds => speeds.Together)):F0} | {ratios[Rounds / 2]:F2} ({ratios[0]:F2} … {ratios[^1]:F2}) |"));
        }
    }

    private static double Median(IEnumerable<double> numbers) => numbers.Order().ElementAt(Rounds / 2);
}
