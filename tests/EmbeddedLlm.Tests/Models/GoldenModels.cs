using System.Text.Json;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Models;

namespace EmbeddedLlm.Tests.Models;

/// <summary>Runs golden models on a backend.</summary>
internal static class GoldenModels
{
    /// <summary>The decoders under golden/models that load. Every name is written down: one that no longer loads fails, instead of leaving the list.</summary>
    public static readonly string[] Decoders =
    [
        "bloom", "cohere2", "command-r", "deepseek2", "exaone4", "falcon", "falcon_40b", "gemma", "gemma2", "gemma3", "gemma3_yarnless_lin",
        "gemma4", "glm4", "gpt-oss", "gpt2", "gptneox", "gptneox_seq", "granite", "granitehybrid", "granitemoe", "lfm2", "llama",
        "llama31_ropefreqs", "llama_bias", "llama_hd32", "llama_moe", "llama_ropelinear", "llama_tied", "llama_yarn", "mamba2", "mistral3", "mpt",
        "olmo2", "olmoe", "phi2", "phi3", "phi3_gqa_partial", "phi3_longrope", "phimoe", "qwen2", "qwen2_tied", "qwen2moe", "qwen3", "qwen35",
        "qwen3_tied", "qwen3moe", "smollm3", "stablelm", "starcoder2",
    ];

    /// <summary>Models for embeddings; the last is a decoder.</summary>
    public static readonly string[] Embedders = ["bert", "gemma-embedding", "jina-bert-v2", "modern-bert", "nomic-bert", "qwen3_reranker_like"];

    /// <summary>Those that do not load yet: none.</summary>
    public static readonly string[] NotYet = [];

    /// <summary>The folders of golden/quantized: one model in each weight type. There is none in F32 and BF16: the decoders are F32, and a test makes one in BF16.</summary>
    public static readonly string[] Quantized =
    [
        "f16", "iq2_xxs", "iq3_s", "iq3_xxs", "iq4_nl", "iq4_xs", "mxfp4", "q2_K", "q3_K", "q4_0", "q4_1", "q4_K", "q5_0", "q5_1", "q5_K", "q6_K", "q8_0", "tq2_0",
    ];

    /// <summary>The folders of golden/quantized-families that load: mixtures of weight types over families.</summary>
    public static readonly string[] Mixtures =
    [
        "falcon_40b_q8_0", "gemma3_q4_0", "gpt2_q8_0", "gptneox_q4_0", "granite_q8_0", "llama256_iq4_xs_mix", "llama256_q2_k_mix", "llama256_q4_k_mix", "phi3_q4_0",
        "qwen2_q8_0", "qwen3_q4_0", "qwen3moe_q4_0",
    ];

    /// <summary>Mixtures for which no exact logits were made: each has a test of its own.</summary>
    public static readonly string[] MixturesWithoutExact = ["gpt-oss_mxfp4_moe"];

    /// <summary>Weight formats that have golden data and no code yet.</summary>
    public static readonly string[] FormatsNotYet = ["nvfp4", "q1_0", "q2_0"];

    /// <summary>The folder of a format under golden/formats and golden/quantized: they are named as ggml names its types, q4_0, but q4_K.</summary>
    public static string FolderOf(string format) => format.EndsWith("_K", StringComparison.Ordinal) ? "q" + format[1..] : format.ToLowerInvariant();

    /// <summary>The logits to compare with, and how near they must be.</summary>
    public static (double Bound, float[] Logits) Expected(string name)
    {
        var exact = Path.Combine(Golden.Path("models", name), "exact.f32");
        if (File.Exists(exact))
            return (1e-4, Golden.Floats(exact));

        // llama.cpp looks gemma4's GELU up in a half-precision table. With GELU rounded like that the reference comes as near (1.5e-3) as llama.cpp's
        // own logits, token by token, are to these.
        return (name == "gemma4" ? 1e-2 : 1e-3, Golden.Floats(Golden.Path("models", name, "logits.f32")));
    }

    /// <summary>The rows of a model for embeddings to compare with, of its last row where that is all there is, and how near they must be.</summary>
    public static (double Bound, float[] Rows) ExpectedRows(string name)
    {
        var exact = Path.Combine(Golden.Path("models", name), "exact_emb_none.f32");
        if (File.Exists(exact))
            return (1e-4, Golden.Floats(exact));

        // Where there is GELU and nothing but llama.cpp's rows, these are off by up to 8e-3, as it looks GELU up in a half-precision table.
        // With GELU rounded like that the reference comes within 1e-3 of both.
        var all = Path.Combine(Golden.Path("models", name), "emb_none.f32");
        var bound = name is "gemma-embedding" or "modern-bert" ? 5e-3 : 1e-3;
        return (bound, Golden.Floats(File.Exists(all) ? all : Golden.Path("models", name, "emb_last.f32")));
    }

    public static int[] Tokens(string path) => JsonSerializer.Deserialize<int[]>(File.ReadAllText(path))!;

    /// <summary>Results of every position, prefilled in chunks: logits, or for a pooling hidden rows.</summary>
    public static float[] Logits(IBackend backend, string model, int[] tokens, int chunk = int.MaxValue, int threads = 0, int? contextLength = null, Pooling? pooling = null)
    {
        using var file = GgufFile.Open(model);
        var loaded = ModelLoader.Load(file, contextLength, pooling);
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
        var width = loaded.Graph.Logits.Width;
        var logits = new float[tokens.Length * width];
        for (var past = 0; past < tokens.Length; past += chunk)
        {
            var rows = Math.Min(chunk, tokens.Length - past);
            runner.Run(
                new Batch { Tokens = tokens.AsSpan(past, rows), Slices = [new BatchSlice(rows, past, 0, blocks.Length)], KvBlocks = blocks, OutputRows = [.. Enumerable.Range(0, rows)] },
                logits.AsSpan(past * width, rows * width));
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
        Assert.InRange(MeanDivergence(exact, Logits(backend, Path.Combine(folder, "model.gguf"), ids), ids.Length), 0, bound);
    }

    /// <summary>The mean over the rows of the divergence between the softmax of both.</summary>
    public static double MeanDivergence(float[] expected, float[] found, int rows)
    {
        Assert.Equal(expected.Length, found.Length);
        var width = expected.Length / rows;
        return Enumerable.Range(0, rows).Average(row => Divergence(expected.AsSpan(row * width, width), found.AsSpan(row * width, width)));
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
