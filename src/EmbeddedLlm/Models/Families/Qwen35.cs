using System.Collections.Immutable;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models.Families;

/// <summary>
/// Qwen 3.5: the gated delta rule in place of attention but in every fourth layer, whose attention has a gate. Its rope turns by time, height and width,
/// which are the same for text. Its mixtures have an expert for every row, with a gate of its own.
/// </summary>
internal sealed class Qwen35 : Architecture
{
    public override ImmutableArray<string> Names => ["qwen35", "qwen35moe"];

    public override ModelSpec Describe(Hyperparameters keys) => Standard(keys) with
    {
        RopePairing = RopePairing.Halves,
        RopeSections = Sections(keys),
        FeedForwardNorm = "post_attention_norm",
        Recurrence = Recurrence(keys),
    };

    private static ImmutableArray<int> Sections(Hyperparameters keys)
    {
        const string Key = "rope.dimension_sections";
        if (!keys.Contains(Key))
            return [];
        var sections = keys.Counts(Key, 0, MaxHeadWidth);
        if (sections.Length is not (3 or 4))
            keys.Throw(Key, "3 or 4 integers", $"{sections.Length}");
        return sections;
    }
}
