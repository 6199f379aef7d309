using System.Collections.Immutable;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models.Families;

/// <summary>DeepSeek 2 and 3 and what shares their graph: latent attention, dense first layers, experts in groups with a shared one beside them.</summary>
internal sealed class DeepSeek2 : Architecture
{
    public override ImmutableArray<string> Names => ["deepseek2"];

    public override ModelSpec Describe(Hyperparameters keys)
    {
        const string QueryWidth = "attention.key_length_mla";
        if (!keys.Contains(QueryWidth))
            throw new UnsupportedModelException($"{keys.File.Path}: '{keys.Prefix}.{QueryWidth}' is missing: the file is of the kind that has keys and values of every head (attn_kv_b) in place of latents. Convert the model again.");

        var spec = Standard(keys);
        var latent = new LatentWidths(keys.Count("attention.kv_lora_rank", 1, MaxHeadWidth), keys.Count(QueryWidth, 1, MaxHeadWidth), keys.Count("attention.value_length_mla", 1, MaxHeadWidth));
        if (latent.QueryWidth <= spec.RopeWidth)
            keys.Throw(QueryWidth, $"more than the {spec.RopeWidth} numbers that are turned", $"{latent.QueryWidth}");

        // Version 3 scores by sigmoid, and groups by their two best; version 2 by softmax, and groups by their best.
        var groups = Math.Max(1, keys.Count("expert_group_count", 0, MaxHeads, fallback: 1));
        var scoring = Scoring(keys);
        return spec with
        {
            Latent = latent,
            KvHeads = 1,
            HeadWidth = latent.Rank + spec.RopeWidth,
            ValueWidth = latent.Rank,
            AttentionScale = Stretch(spec.RopeScaling) / MathF.Sqrt(latent.QueryWidth),
            RopeScaling = spec.RopeScaling.LogMultiplier == 0 ? spec.RopeScaling : spec.RopeScaling with { LogMultiplier = 1 },
            NormalizeExpertWeights = keys.Flag("expert_weights_norm", false),
            ExpertScoring = scoring,
            ExpertGroups = groups,
            ExpertGroupsUsed = groups == 1 ? 1 : keys.Count("expert_group_used_count", 1, groups),
            ExpertGroupScores = groups > 1 && scoring == ExpertScoring.Sigmoid ? 2 : 1,
        };
    }

    // With YaRN, sine and cosine keep their size, as the two multipliers of the makers are the same, and scores grow by the square of one of them,
    // 1 + 0.1 · m · ln(factor); the file has 0.1 · m.
    private static float Stretch(RopeScaling scaling)
    {
        var multiplier = scaling.Factor > 1 ? 1 + scaling.LogMultiplier * Math.Log(scaling.Factor) : 1;
        return (float)(multiplier * multiplier);
    }
}
