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

    /// <summary>Asserts that the softmax of the logits is near the one of the exact logits.</summary>
    public static void AssertDivergence(IBackend backend, double bound, string folder, string tokens)
    {
        var exact = Golden.Floats(Path.Combine(folder, "exact.f32"));
        var ids = Tokens(tokens);
        var logits = Logits(backend, Path.Combine(folder, "model.gguf"), ids);
        Assert.Equal(exact.Length, logits.Length);

        var width = exact.Length / ids.Length;
        var mean = Enumerable.Range(0, ids.Length).Average(row => Divergence(exact.AsSpan(row * width, width), logits.AsSpan(row * width, width)));
        Assert.InRange(mean, 0, bound);
    }

    // KL(softmax(expected) || softmax(found))
    private static double Divergence(ReadOnlySpan<float> expected, ReadOnlySpan<float> found)
    {
        var (logP, logQ) = (LogSum(expected), LogSum(found));
        var sum = 0.0;
        for (var i = 0; i < expected.Length; i++)
            sum += Math.Exp(expected[i] - logP) * (expected[i] - logP - (found[i] - logQ));
        return sum;
    }

    private static double LogSum(ReadOnlySpan<float> logits)
    {
        var sum = 0.0;
        foreach (var logit in logits)
            sum += Math.Exp(logit);
        return Math.Log(sum);
    }
}
