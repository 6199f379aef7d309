using EmbeddedLlm.Gguf;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Tests.Models.Families;

public sealed class DeepSeek2Tests
{
    [Fact]
    public void Load_KeepsOneLatentForEachPosition()
    {
        using var model = new ChangedModel("deepseek2", []);
        Assert.Equal(new KvLayer(1, 40, 0), model.Load().Graph.KvLayers.Distinct().Single());
    }

    // As DeepSeek-V2-Lite: 1 + 0.1 · 0.707 · ln 40, squared.
    [Fact]
    public void Load_WithYarn_StretchesScoresAndNotTheTurned()
    {
        using var model = new ChangedModel("deepseek2",
        [
            ("deepseek2.rope.scaling.type", GgufValue.Of("yarn")), ("deepseek2.rope.scaling.factor", GgufValue.Of(40f)),
            ("deepseek2.rope.scaling.original_context_length", GgufValue.Of(64)), ("deepseek2.rope.scaling.yarn_log_multiplier", GgufValue.Of(0.0707f)),
        ]);
        var graph = model.Load().Graph;

        Assert.Equal(1.58963 / Math.Sqrt(24), graph.Ops.OfType<Op.Attention>().First().Spec.Scale, 1e-5);
        Assert.Equal(1, graph.Ops.OfType<Op.Rope>().First().Spec.Magnitude, 1e-6f);
    }

    [Theory]
    [InlineData(0, ExpertScoring.Softmax, 1)]
    [InlineData(1, ExpertScoring.Softmax, 1)]
    [InlineData(2, ExpertScoring.Sigmoid, 2)]
    public void Load_WithGroups_ScoresThemAsItsVersionDoes(int function, ExpertScoring scoring, int groupScores)
    {
        using var model = new ChangedModel("deepseek2",
        [
            ("deepseek2.expert_gating_func", GgufValue.Of(function)), ("deepseek2.expert_group_count", GgufValue.Of(4)), ("deepseek2.expert_group_used_count", GgufValue.Of(2)),
        ]);
        var spec = model.Load().Graph.Ops.OfType<Op.Experts>().First().Spec;

        Assert.Equal(new ExpertsSpec(2, Activation.Silu, NormalizeWeights: true, 1.5f, scoring, Groups: 4, GroupsUsed: 2, GroupScores: groupScores), spec);
    }

    [Fact]
    public void Load_WithoutAQueryLatent_ProjectsQueriesAtOnce()
    {
        // A matrix that happens to be as large stands in.
        using var model = new ChangedModel("deepseek2", [], name =>
            name.Contains("attn_q_a", StringComparison.Ordinal) ? []
            : name.Contains("attn_q_b", StringComparison.Ordinal) ? []
            : name == "blk.0.ffn_up.weight" ? [name, "blk.0.attn_q.weight", "blk.1.attn_q.weight", "blk.2.attn_q.weight"]
            : null);
        Assert.Contains("blk.2.attn_q", model.Load().Graph.Sites);
    }

    [Fact]
    public void Load_OfHeadsInPlaceOfLatents_IsNotSupportedByName()
    {
        using var model = new ChangedModel("deepseek2", [("deepseek2.attention.key_length_mla", null)]);
        var error = Assert.Throws<UnsupportedModelException>(model.Load);
        Assert.Contains("attn_kv_b", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("attention.key_length_mla", 8)]
    [InlineData("attention.key_length_mla", 23)]
    [InlineData("attention.kv_lora_rank", 31)]
    [InlineData("attention.kv_lora_rank", 0)]
    [InlineData("attention.value_length_mla", 17)]
    [InlineData("expert_gating_func", 3)]
    [InlineData("expert_group_count", 3)]
    public void Load_OfSizesThatDoNotFit_IsAFormatError(string key, int value)
    {
        using var model = new ChangedModel("deepseek2", [($"deepseek2.{key}", GgufValue.Of(value)), ("deepseek2.expert_group_used_count", GgufValue.Of(1))]);
        Assert.Throws<ModelFormatException>(model.Load);
    }
}
