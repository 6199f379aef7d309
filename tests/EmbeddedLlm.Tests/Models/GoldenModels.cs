using System.Text.Json;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Models;

namespace EmbeddedLlm.Tests.Models;

/// <summary>Runs golden models on a backend.</summary>
internal static class GoldenModels
{
    public static int[] Tokens(string path) => JsonSerializer.Deserialize<int[]>(File.ReadAllText(path))!;

    /// <summary>Logits of every position, prefilled in chunks.</summary>
    public static float[] Logits(IBackend backend, string model, int[] tokens, int chunk = int.MaxValue, int threads = 0)
    {
        using var file = GgufFile.Open(model);
        var loaded = ModelLoader.Load(file);
        const int BlockTokens = 32;
        var blocks = Enumerable.Range(0, (tokens.Length + BlockTokens - 1) / BlockTokens).Reverse().ToArray();
        using var runner = backend.Load(loaded.Graph, new RunnerOptions
        {
            KvBlockTokens = BlockTokens,
            KvBlocks = blocks.Length,
            KvType = KvType.F32,
            MaxBatchRows = tokens.Length,
            MaxOutputRows = tokens.Length,
            Threads = threads,
        });
        var logits = new float[tokens.Length * loaded.Spec.VocabularySize];
        for (var past = 0; past < tokens.Length; past += chunk)
        {
            var rows = Math.Min(chunk, tokens.Length - past);
            runner.Run(
                new Batch { Tokens = tokens.AsSpan(past, rows), Slices = [new BatchSlice(rows, past, 0, blocks.Length)], KvBlocks = blocks, OutputRows = [.. Enumerable.Range(0, rows)] },
                logits.AsSpan(past * loaded.Spec.VocabularySize, rows * loaded.Spec.VocabularySize));
        }

        return logits;
    }

    public static double MaxDifference(float[] expected, float[] found)
    {
        Assert.Equal(expected.Length, found.Length);
        return expected.Zip(found, (a, b) => Math.Abs((double)a - b)).Max();
    }
}
