using EmbeddedLlm.Gguf;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Models;
using EmbeddedLlm.Testing;

namespace EmbeddedLlm.Tests.Models;

/// <summary>Golden models under the name of another family: the same graph, or one that differs in what the family is known to differ in.</summary>
public sealed class SameGraphsTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    public static TheoryData<string, string> Exact => [.. SameGraphs.Exact];

    [Theory, MemberData(nameof(Exact))]
    public void Load_UnderAnotherName_GivesTheSameGraph(string name, string golden) =>
        Assert.Equal(GraphOf(Golden.Path("models", golden, "model.gguf")), Rename(name, golden));

    [Theory]
    [InlineData("bailingmoe", "llama_moe", "")]
    [InlineData("deepseek", "llama_moe", "")]
    [InlineData("eurobert", "llama", "both ways")]
    [InlineData("jais", "llama", "scale 0.0625")]
    [InlineData("llama-embed", "llama", "both ways")]
    [InlineData("minicpm", "llama", "by 12")]
    [InlineData("refact", "llama", "ALiBi 8")]
    public void Load_UnderAnotherName_DiffersInWhatTheFamilyHas(string name, string golden, string difference)
    {
        var graph = Rename(name, golden, ("attention.layer_norm_epsilon", GgufValue.Of(1e-5f)));
        Assert.Contains(difference, graph, StringComparison.Ordinal);
        Assert.Equal(name is "jais" or "refact", !graph.Contains("Rope", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("hunyuan-dense", "qwen3")]
    [InlineData("hunyuan-moe", "qwen3moe")]
    [InlineData("maincoder", "qwen3")]
    public void Load_HunyuansHeadNorms_StandBehindRope(string name, string golden)
    {
        Rename(name, golden);
        using var file = GgufFile.Open(_path);
        var ops = ModelLoader.Load(file).Graph.Ops;
        var norms = ops.OfType<Op.Norm>().Where(norm => norm.Gain.Name.EndsWith("attn_q_norm", StringComparison.Ordinal)).ToList();
        Assert.Equal(3, norms.Count);
        Assert.All(norms, norm => Assert.Contains(ops, op => op is Op.Rope rope && rope.Out == norm.In));
    }

    // Their norm before the feed-forward has another name.
    [Theory]
    [InlineData("seed_oss", "qwen2", "post_attention_norm")]
    [InlineData("dbrx", "llama_moe", "attn_output_norm")]
    public void Load_FeedForwardNormOfAnotherName_IsThatOfTheFeedForward(string name, string golden, string norm)
    {
        var expected = GraphOf(Golden.Path("models", golden, "model.gguf")).Replace("ffn_norm", norm, StringComparison.Ordinal);
        var graph = Rename(name, golden, tensor => tensor.Replace("ffn_norm", norm, StringComparison.Ordinal), ("attention.layer_norm_epsilon", GgufValue.Of(1e-5f)));
        if (name == "dbrx")
            expected = expected.Replace("Rms blk", "Layer blk", StringComparison.Ordinal).Replace("Rms output", "Layer output", StringComparison.Ordinal).Replace("Adjacent", "Halves", StringComparison.Ordinal);
        Assert.Equal(expected, graph);
    }

    [Fact]
    public void Load_OfPlamo_PutsAttentionAndFeedForwardSideBySide()
    {
        Rename("plamo", "llama", tensor => tensor.Contains("ffn_norm", StringComparison.Ordinal) ? null : tensor);
        using var file = GgufFile.Open(_path);
        var graph = ModelLoader.Load(file).Graph;
        Assert.Equal(3 + 1, graph.Ops.OfType<Op.Norm>().Count());
    }

    [Fact]
    public void Logits_OfOlmo_HaveLayerNormsWithoutGains()
    {
        // The same tensors as a family whose layer norms have gains, all 1.
        var olmo = Rename("olmo", "llama", tensor => tensor.Contains("_norm", StringComparison.Ordinal) ? null : tensor, ("attention.layer_norm_epsilon", GgufValue.Of(1e-5f)));
        Assert.Contains("Layer blk.0.attn_norm", olmo, StringComparison.Ordinal);
        var tokens = GoldenModels.Tokens(Golden.Path("models", "llama", "tokens.json"))[..8];
        var logits = GoldenModels.Logits(new ReferenceBackend(), _path, tokens);

        using var file = GgufFile.Open(_path);
        var norm = ModelLoader.Load(file).Graph.Ops.OfType<Op.Norm>().First();
        Assert.All(norm.Gain.ToFloats(), gain => Assert.Equal(1, gain));
        Assert.All(logits, logit => Assert.True(float.IsFinite(logit)));
    }

    [Fact]
    public void Load_OfOlmo3_HasWindowsWithAnUnscaledRope()
    {
        Rename("olmo2", "olmo2", ("attention.sliding_window", GgufValue.Of(16)), ("rope.scaling.type", GgufValue.Of("linear")), ("rope.scaling.factor", GgufValue.Of(4f)));
        using var file = GgufFile.Open(_path);
        var graph = ModelLoader.Load(file).Graph;

        var windows = graph.Ops.OfType<Op.Attention>().Select(attention => attention.Spec.Window).ToList();
        Assert.Equal(Enumerable.Range(0, windows.Count).Select(layer => layer % 4 == 3 ? 0 : 16), windows);
        Assert.All(graph.Ops.OfType<Op.Rope>().Take(2), rope => Assert.Equal(1, rope.Spec.Frequencies[0]));
    }

    [Fact]
    public void Load_OfJinaBert3_TurnsHalves()
    {
        var graph = Rename("jina-bert-v3", "nomic-bert");
        Assert.Contains("Rope", graph, StringComparison.Ordinal);
        Assert.Contains("GeluTanh", graph, StringComparison.Ordinal);
    }

    [Fact]
    public void Families_WithoutAGoldenModel_AreEachNamedHere()
    {
        var golden = GoldenModels.Decoders.Concat(GoldenModels.Embedders).Select(FamilyOf);
        Assert.Equal(ModelLoader.Families.Except(golden).Order(), SameGraphs.Exact.Concat(SameGraphs.Near).Select(pair => pair.Name).Order());
    }

    private static string FamilyOf(string golden)
    {
        using var file = GgufFile.Open(Golden.Path("models", golden, "model.gguf"));
        return file.Metadata.GetString("general.architecture");
    }

    private static string GraphOf(string path)
    {
        using var file = GgufFile.Open(path);
        return GraphPrinter.Print(ModelLoader.Load(file).Graph);
    }

    private string Rename(string name, string golden, params ReadOnlySpan<(string Key, GgufValue Value)> keys) => Rename(name, golden, tensor => tensor, keys);

    // The golden model as a file of another family, with these keys, and with its tensors renamed, or left out where the new name is null; its graph.
    private string Rename(string name, string golden, Func<string, string?> tensors, params ReadOnlySpan<(string Key, GgufValue Value)> keys)
    {
        using (var file = GgufFile.Open(Golden.Path("models", golden, "model.gguf")))
        {
            var prefix = file.Metadata.GetString("general.architecture") + ".";
            var writer = new GgufWriter();
            foreach (var key in file.Metadata.Keys)
                writer.Set(key.StartsWith(prefix, StringComparison.Ordinal) ? $"{name}.{key[prefix.Length..]}" : key, file.Metadata[key]);
            writer.Set("general.architecture", GgufValue.Of(name));
            foreach (var (key, value) in keys)
                writer.Set($"{name}.{key}", value);
            foreach (var tensor in file.Tensors)
            {
                if (tensors(tensor.Name) is { } kept)
                    writer.Add(kept, tensor.Type, tensor.Dimensions.AsSpan(), stream => tensor.CopyTo(stream, CancellationToken.None));
            }

            writer.Save(_path);
        }

        return GraphOf(_path);
    }
}
