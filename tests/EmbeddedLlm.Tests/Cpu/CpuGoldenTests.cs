using System.Text.Json;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Cpu;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Models;
using EmbeddedLlm.Quantization;
using EmbeddedLlm.Testing;
using EmbeddedLlm.Tests.Models;

namespace EmbeddedLlm.Tests.Cpu;

/// <summary>Whole files on the CPU against golden logits.</summary>
public sealed class CpuGoldenTests
{
    /// <summary>Decoders of the families that can be loaded.</summary>
    public static TheoryData<string> Models => [.. GoldenModels.Decoders];

    /// <summary>Weight types that can be loaded; few of them where vectors are slow.</summary>
    public static TheoryData<string> Types => TestModel.IsSlow ? ["q4_0", "q6_K"] : [.. GoldenModels.Quantized];

    /// <summary>Mixtures of weight types that can be loaded.</summary>
    public static TheoryData<string> Mixtures => TestModel.IsSlow ? ["qwen3moe_q4_0"] : [.. GoldenModels.Mixtures];

    /// <summary>Folder and name of whole models.</summary>
    public static TheoryData<string, string> Wholes => TestModel.IsSlow
        ? new() { { "models", "llama" }, { "models", "qwen3moe" } }
        : [.. GoldenModels.Decoders.Select(name => ("models", name)), .. GoldenModels.Quantized.Select(type => ("quantized", type))];

    [Theory, MemberData(nameof(Models))]
    public void Logits_OfFloatWeights_AreExact(string name)
    {
        var (bound, expected) = GoldenModels.Expected(name);
        var tokens = GoldenModels.Tokens(Golden.Path("models", name, "tokens.json"));

        var logits = GoldenModels.Logits(new CpuBackend(), Golden.Path("models", name, "model.gguf"), tokens);

        Assert.InRange(GoldenModels.MaxDifference(expected, logits), 0, bound);
    }

    /// <summary>Models for embeddings.</summary>
    public static TheoryData<string> Embedders => [.. GoldenModels.Embedders];

    [Theory, MemberData(nameof(Embedders))]
    public void Rows_OfAnEmbedder_AreExactOnAnyNumberOfThreads(string name)
    {
        var (bound, expected) = GoldenModels.ExpectedRows(name);
        var (model, tokens) = (Golden.Path("models", name, "model.gguf"), GoldenModels.Tokens(Golden.Path("models", name, "tokens.json")));

        var rows = GoldenModels.Logits(new CpuBackend(), model, tokens, threads: 1, pooling: Pooling.None);

        Assert.InRange(GoldenModels.MaxDifference(expected, rows[^expected.Length..]), 0, bound);
        Assert.Equal(rows, GoldenModels.Logits(new CpuBackend(), model, tokens, threads: 3, pooling: Pooling.None));
    }

    [Theory, MemberData(nameof(Types))]
    public void Logits_OfAWeightType_AreAsNearAsThoseOfLlamaCpp(string type)
    {
        using var stats = JsonDocument.Parse(File.ReadAllText(Golden.Path("quantized", "stats.json")));
        var known = stats.RootElement.GetProperty(type).GetProperty("llamacpp_vs_ref64_dequant").GetProperty("kl_mean").GetDouble();

        GoldenModels.AssertDivergence(new CpuBackend(), 1.25 * known, Golden.Path("quantized", type), Golden.Path("quantized", "tokens.json"));
    }

    [Theory, MemberData(nameof(Mixtures))]
    public void Logits_OfAMixture_AreAsNearAsThoseOfLlamaCpp(string name)
    {
        using var stats = JsonDocument.Parse(File.ReadAllText(Golden.Path("quantized-families", "stats.json")));
        var known = stats.RootElement.GetProperty(name).GetProperty("llamacpp_vs_exact").GetProperty("kl_mean").GetDouble();

        // The family, then the type of weights.
        var family = GoldenModels.Decoders.Where(decoder => name.StartsWith(decoder + "_", StringComparison.Ordinal)).MaxBy(decoder => decoder.Length);
        GoldenModels.AssertDivergence(new CpuBackend(), 1.25 * known, Golden.Path("quantized-families", name), family is null ? Golden.Path("quantized", "tokens.json") : Golden.Path("models", family, "tokens.json"));
    }

    // No exact logits were made for this one; the reference's stand in for them. In some rows two experts are so near that rounded activations choose the other.
    [Fact]
    public void Logits_OfExpertsInMxfp4_AreAsNearAsThoseOfLlamaCpp()
    {
        var model = Golden.Path("quantized-families", "gpt-oss_mxfp4_moe", "model.gguf");
        var tokens = GoldenModels.Tokens(Golden.Path("models", "gpt-oss", "tokens.json"));
        var exact = GoldenModels.Logits(new ReferenceBackend(), model, tokens);
        var known = GoldenModels.MeanDivergence(exact, Golden.Floats(Golden.Path("quantized-families", "gpt-oss_mxfp4_moe", "logits.f32")), tokens.Length);

        Assert.InRange(known, 0, 0.05);
        Assert.InRange(GoldenModels.MeanDivergence(exact, GoldenModels.Logits(new CpuBackend(), model, tokens), tokens.Length), 0, 1.25 * known);
    }

    [Fact]
    public void Logits_OfBF16Weights_EqualTheReference()
    {
        using var folder = new TemporaryFolder();
        using (var source = GgufFile.Open(Golden.Path("models", "llama", "model.gguf")))
            GgufQuantizer.Quantize(source, "BF16", folder.File("bf16.gguf"));
        using (var file = GgufFile.Open(folder.File("bf16.gguf")))
            Assert.Equal(GgmlType.BF16, file.Tensors.Single(tensor => tensor.Name == "blk.0.attn_q.weight").Type);
        var tokens = GoldenModels.Tokens(Golden.Path("models", "llama", "tokens.json"));

        var expected = GoldenModels.Logits(new ReferenceBackend(), folder.File("bf16.gguf"), tokens);
        var logits = GoldenModels.Logits(new CpuBackend(), folder.File("bf16.gguf"), tokens);

        Assert.InRange(GoldenModels.MaxDifference(expected, logits), 0, 1e-4);
    }

    [Theory, MemberData(nameof(Wholes))]
    public void Logits_InChunksAndByThreads_AreTheSameBits(string kind, string name)
    {
        var model = Golden.Path(kind, name, "model.gguf");
        var tokens = GoldenModels.Tokens(kind == "models" ? Golden.Path(kind, name, "tokens.json") : Golden.Path(kind, "tokens.json"));
        var expected = GoldenModels.Logits(new CpuBackend(), model, tokens, threads: 1);

        Assert.Equal(expected, GoldenModels.Logits(new CpuBackend(), model, tokens, threads: 2));
        Assert.Equal(expected, GoldenModels.Logits(new CpuBackend(), model, tokens, threads: 3));
        Assert.Equal(expected, GoldenModels.Logits(new CpuBackend(), model, tokens, chunk: 1, threads: 2));
        Assert.Equal(expected, GoldenModels.Logits(new CpuBackend(), model, tokens, chunk: 7, threads: 2));
    }

    /// <summary>Recurrent states: sequences of different length behind each other, each in slots of its own, and from one slot to another.</summary>
    [Theory]
    [InlineData("granitehybrid")]
    [InlineData("lfm2")]
    [InlineData("mamba2")]
    [InlineData("qwen35")]
    public void Logits_OfRecurrentSequencesInOneBatch_AreTheBitsOfEachAlone(string name)
    {
        var path = Golden.Path("models", name, "model.gguf");
        var tokens = GoldenModels.Tokens(Golden.Path("models", name, "tokens.json"));
        var expected = GoldenModels.Logits(new CpuBackend(), path, tokens, threads: 1);
        using var file = GgufFile.Open(path);
        var graph = ModelLoader.Load(file).Graph;
        using var runner = new CpuBackend().Load(graph, new RunnerOptions { KvBlocks = 6, KvType = KvType.F32, StateSlots = 4, Threads = 3 });
        var width = graph.Logits.Width;

        float[] Run(int[] rows, BatchSlice[] slices)
        {
            var logits = new float[rows.Length * width];
            runner.Run(new Batch { Tokens = rows, Slices = slices, KvBlocks = [5, 4, 3, 2, 1, 0], OutputRows = [.. Enumerable.Range(0, rows.Length)] }, logits);
            return logits;
        }

        float[] Alone(int first, int end) => expected[(first * width)..(end * width)];

        // 9, 1 and 20 tokens; then each goes on, the first one in another slot.
        var begin = Run([.. tokens[..9], .. tokens[..1], .. tokens[..20]], [new(9, 0, 0, 2) { StateTo = 2 }, new(1, 0, 2, 2) { StateTo = 0 }, new(20, 0, 4, 2) { StateTo = 1 }]);
        Assert.Equal([.. Alone(0, 9), .. Alone(0, 1), .. Alone(0, 20)], begin);
        var next = Run(
            [.. tokens[9..12], .. tokens[1..8], tokens[20]],
            [new(3, 9, 0, 2) { StateFrom = 2, StateTo = 3 }, new(7, 1, 2, 2), new(1, 20, 4, 2) { StateFrom = 1, StateTo = 1 }]);
        Assert.Equal([.. Alone(9, 12), .. Alone(1, 8), .. Alone(20, 21)], next);

        // The first once more from where it was: the last step left that slot alone.
        runner.CopyState(2, 1);
        Assert.Equal(Alone(9, 16), Run(tokens[9..16], [new(7, 9, 0, 2) { StateFrom = 1, StateTo = 1 }]));
    }

    public static TheoryData<KvType> KvTypes => TestModel.IsSlow ? [KvType.F16] : [KvType.F16, KvType.F32];

    [Theory, MemberData(nameof(KvTypes))]
    public void GreedyTokens_OfStories260K_AreThePublishedText(KvType kv)
    {
        using var expected = JsonDocument.Parse(File.ReadAllText(Golden.Path("trained", "stories260K", "ref-f32.json")));
        var greedy = expected.RootElement.GetProperty("greedy").EnumerateArray().Select(step => step.GetProperty("id").GetInt32()).ToArray();
        using var file = GgufFile.Open(Golden.Path("trained", "stories260K", "stories260K-f32.gguf"));
        var loaded = ModelLoader.Load(file);
        using var runner = new CpuBackend().Load(loaded.Graph, new RunnerOptions { KvBlocks = 7, KvType = kv });

        var token = file.Metadata.GetInt("tokenizer.ggml.bos_token_id");
        var logits = new float[loaded.Spec.VocabularySize];
        var found = new int[greedy.Length];
        for (var i = 0; i < found.Length; i++)
        {
            runner.Run(new Batch { Tokens = [token], Slices = [new BatchSlice(1, i, 0, 7)], KvBlocks = [6, 5, 4, 3, 2, 1, 0], OutputRows = [0] }, logits);
            token = found[i] = logits.IndexOf(logits.Max());
        }

        Assert.Equal(greedy, found);
    }
}
