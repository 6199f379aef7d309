using EmbeddedLlm.Gguf;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Testing;

namespace EmbeddedLlm.Tests.Models.Families;

public sealed class Gemma4Tests
{
    private static readonly int[] Tokens = [3, 99, 7, 250, 31, 8];

    [Fact]
    public void Load_OfLastLayersWithoutKeys_SharesTheCacheOfTheLastThatSeesAsFar()
    {
        using var model = new ChangedModel("gemma4", [("gemma4.attention.shared_kv_layers", GgufValue.Of(2)), Pattern(true, true, true, true, true)], WithoutTheLastLayersHeads);
        var graph = model.Load().Graph;

        var attentions = graph.Ops.OfType<Op.Attention>().ToArray();
        Assert.Equal([0, 1, 2, 2, 2], attentions.Select(op => op.Layer));
        Assert.Equal([true, true, true, false, false], attentions.Select(op => op.K is not null && op.V is not null));
        Assert.Equal(3, graph.KvLayers.Length);
    }

    [Fact]
    public void Load_OfLastLayersWithoutKeys_NeedsALayerThatSeesAsFar()
    {
        using var model = new ChangedModel("gemma4", [("gemma4.attention.shared_kv_layers", GgufValue.Of(1))]);
        Assert.Contains("layer 4", Assert.Throws<ModelFormatException>(model.Load).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Logits_WithoutAProjectionOfValues_EqualThoseOfValuesMadeLikeKeys()
    {
        using var without = new ChangedModel("gemma4", [], name => name.Contains("attn_v", StringComparison.Ordinal) ? [] : null);
        using var alike = new ChangedModel("gemma4", [], name =>
            name.Contains("attn_v", StringComparison.Ordinal) ? [] : name.Contains("attn_k.", StringComparison.Ordinal) ? [name, name.Replace("attn_k", "attn_v", StringComparison.Ordinal)] : null);

        Assert.Equal(GoldenModels.Logits(new ReferenceBackend(), alike.File, Tokens), GoldenModels.Logits(new ReferenceBackend(), without.File, Tokens));
    }

    [Fact]
    public void Load_WithoutVectorsOfTokensForEachLayer_NeedsNone()
    {
        using var model = new ChangedModel("gemma4", [("gemma4.embedding_length_per_layer_input", GgufValue.Of(0))], name =>
            name.Contains("per_layer", StringComparison.Ordinal) || name.Contains("inp_gate", StringComparison.Ordinal) || name.Contains(".proj.", StringComparison.Ordinal) || name.Contains(".post_norm.", StringComparison.Ordinal) ? [] : null);
        Assert.DoesNotContain(model.Load().Graph.Ops, op => op is Op.Part);
    }

    [Fact]
    public void Load_WithKeyHeadsForEachLayer_TakesThem()
    {
        using var model = new ChangedModel("gemma4", [("gemma4.attention.head_count_kv", GgufValue.Of((ReadOnlySpan<int>)[1, 1, 1, 1, 1]))]);
        Assert.All(model.Load().Graph.KvLayers, layer => Assert.Equal(1, layer.Heads));
    }

    [Theory]
    [InlineData("rope.dimension_count_swa", 18)]
    [InlineData("rope.dimension_count_swa", 7)]
    [InlineData("attention.key_length_swa", 32)]
    [InlineData("attention.shared_kv_layers", 5)]
    [InlineData("embedding_length_per_layer_input", 8)]
    public void Load_OfSizesThatDoNotFit_IsAFormatError(string key, int value)
    {
        using var model = new ChangedModel("gemma4", [($"gemma4.{key}", GgufValue.Of(value))]);
        Assert.Throws<ModelFormatException>(model.Load);
    }

    [Fact]
    public void Load_OfListsOfAnotherLength_IsAFormatErrorWithBothLengths()
    {
        using var pattern = new ChangedModel("gemma4", [Pattern(true, false)]);
        Assert.Contains("5 Booleans, found 2", Assert.Throws<ModelFormatException>(pattern.Load).Message, StringComparison.Ordinal);
        using var heads = new ChangedModel("gemma4", [("gemma4.attention.head_count_kv", GgufValue.Of((ReadOnlySpan<int>)[1, 2]))]);
        Assert.Contains("[1, 2]", Assert.Throws<ModelFormatException>(heads.Load).Message, StringComparison.Ordinal);
        using var wrong = new ChangedModel("gemma4", [("gemma4.attention.head_count_kv", GgufValue.Of((ReadOnlySpan<int>)[1, 1, 3, 1, 1]))]);
        Assert.Contains("divisor", Assert.Throws<ModelFormatException>(wrong.Load).Message, StringComparison.Ordinal);
    }

    private static (string Key, GgufValue Value) Pattern(params bool[] hasWindow) => ("gemma4.attention.sliding_window_pattern", GgufValue.Of((ReadOnlySpan<bool>)hasWindow));

    // Where the last layer has a window too, its heads are as those of the layer before.
    private static string[]? WithoutTheLastLayersHeads(string name) =>
        name is "blk.4.attn_q.weight" or "blk.4.attn_output.weight" or "blk.4.attn_q_norm.weight" or "blk.4.attn_k.weight" or "blk.4.attn_v.weight" or "blk.4.attn_k_norm.weight" ? []
        : name is "blk.3.attn_q.weight" or "blk.3.attn_output.weight" or "blk.3.attn_q_norm.weight" ? [name, name.Replace("blk.3", "blk.4", StringComparison.Ordinal)]
        : name is "blk.3.attn_k.weight" or "blk.3.attn_v.weight" or "blk.3.attn_k_norm.weight" ? []
        : null;
}
