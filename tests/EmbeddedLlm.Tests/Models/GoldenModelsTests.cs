using System.Runtime.InteropServices;
using System.Text.Json;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Cpu;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Models;
using EmbeddedLlm.Testing;

namespace EmbeddedLlm.Tests.Models;

public sealed class GoldenModelsTests
{
    public static TheoryData<string> Decoders => [.. GoldenModels.Decoders];

    [Theory, MemberData(nameof(Decoders))]
    public void Logits_OfAFamily_EqualTheForwardPassOfItsMakers(string name)
    {
        var (bound, expected) = GoldenModels.Expected(name);
        var logits = GoldenModels.Logits(new ReferenceBackend(), Golden.Path("models", name, "model.gguf"), GoldenModels.Tokens(Golden.Path("models", name, "tokens.json")));
        Assert.InRange(GoldenModels.MaxDifference(expected, logits), 0, bound);
    }

    public static TheoryData<string> Embedders => [.. GoldenModels.Embedders];

    [Theory, MemberData(nameof(Embedders))]
    public void Rows_OfAnEmbedder_EqualTheForwardPassOfItsMakers(string name)
    {
        var (bound, expected) = GoldenModels.ExpectedRows(name);
        var rows = GoldenModels.Logits(new ReferenceBackend(), Golden.Path("models", name, "model.gguf"), GoldenModels.Tokens(Golden.Path("models", name, "tokens.json")), pooling: Pooling.None);
        Assert.InRange(GoldenModels.MaxDifference(expected, rows[^expected.Length..]), 0, bound);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Rows_OfAPartOfAText_AreRefused(bool isReference)
    {
        IBackend backend = isReference ? new ReferenceBackend() : new CpuBackend();
        var error = Assert.Throws<ArgumentException>(() => GoldenModels.Logits(backend, Golden.Path("models", "bert", "model.gguf"), [1, 2, 3, 4], chunk: 2));
        Assert.Contains("whole texts", error.Message, StringComparison.Ordinal);
    }

    // logits_ctx64.f32 is said to have been made with the short factors; it equals logits.f32 bit for bit. So the factors themselves are looked at.
    [Theory]
    [InlineData(64, "rope_factors_short.weight")]
    [InlineData(65, "rope_factors_long.weight")]
    [InlineData(null, "rope_factors_long.weight")]
    public void Load_OfLongRope_TakesTheFactorsOfTheContext(int? contextLength, string tensor)
    {
        using var file = GgufFile.Open(Golden.Path("models", "phi3_longrope", "model.gguf"));
        var rope = ModelLoader.Load(file, contextLength).Graph.Ops.OfType<Op.Rope>().First().Spec;

        Assert.True(file.TryGetTensor(tensor, out var factors));
        var expected = MemoryMarshal.Cast<byte, float>(factors!.Slice(0, (int)factors.Bytes)).ToArray().Select((factor, pair) => Math.Pow(10000, -pair / 8.0) / factor);
        Assert.All(expected.Zip(rope.Frequencies), pair => Assert.Equal(pair.First, pair.Second, 1e-12));
        Assert.Equal(1.19f, rope.Magnitude);
    }

    public static TheoryData<string> Quantized => [.. GoldenModels.Quantized];

    [Theory, MemberData(nameof(Quantized))]
    public void Logits_OfAQuantizedModel_EqualTheExactForwardPass(string type) =>
        AssertLogits(1e-4, Golden.Path("quantized", type, "exact.f32"), Golden.Path("quantized", type, "model.gguf"), Golden.Path("quantized", "tokens.json"));

    [Fact]
    public void Logits_OfAModelInShards_EqualThoseOfOneFile() =>
        AssertLogits(1e-3, Golden.Path("gguf-split", "logits.f32"), Golden.Path("gguf-split", "model-00001-of-00003.gguf"), Golden.Path("models", "llama", "tokens.json"));

    [Fact]
    public void Logits_InChunks_EqualThoseOfOnePrefill()
    {
        var model = Golden.Path("models", "llama", "model.gguf");
        var tokens = GoldenModels.Tokens(Golden.Path("models", "llama", "tokens.json"));
        var whole = GoldenModels.Logits(new ReferenceBackend(), model, tokens);
        Assert.Equal(whole, GoldenModels.Logits(new ReferenceBackend(), model, tokens, chunk: 1));
        Assert.Equal(whole, GoldenModels.Logits(new ReferenceBackend(), model, tokens, chunk: 7));
    }

    [Fact]
    public void GreedyTokens_OfStories260K_AreThePublishedText()
    {
        using var expected = JsonDocument.Parse(File.ReadAllText(Golden.Path("trained", "stories260K", "ref-f32.json")));
        var greedy = expected.RootElement.GetProperty("greedy").EnumerateArray().Select(step => step.GetProperty("id").GetInt32()).ToArray();
        using var file = GgufFile.Open(Golden.Path("trained", "stories260K", "stories260K-f32.gguf"));
        var loaded = ModelLoader.Load(file);
        using var runner = new ReferenceBackend().Load(loaded.Graph, new RunnerOptions { KvBlocks = 1, KvBlockTokens = 256, KvType = KvType.F32 });

        var token = file.Metadata.GetInt("tokenizer.ggml.bos_token_id");
        var logits = new float[loaded.Spec.VocabularySize];
        var found = new int[greedy.Length];
        for (var i = 0; i < found.Length; i++)
        {
            runner.Run(new Batch { Tokens = [token], Slices = [new BatchSlice(1, i, 0, 1)], KvBlocks = [0], OutputRows = [0] }, logits);
            token = found[i] = logits.IndexOf(logits.Max());
        }

        Assert.Equal(greedy, found);
    }

    private static void AssertLogits(double bound, string expected, string model, string tokens) =>
        Assert.InRange(GoldenModels.MaxDifference(Golden.Floats(expected), GoldenModels.Logits(new ReferenceBackend(), model, GoldenModels.Tokens(tokens))), 0, bound);
}
