using System.Collections.Immutable;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models.Families;

/// <summary>Command R and Command R7B: layer norms without bias, attention and feed-forward side by side. Cohere 2 has a window in three of four layers, and rope only there.</summary>
internal sealed class Cohere : Architecture
{
    public override ImmutableArray<string> Names => ["command-r", "cohere2"];

    public override ModelSpec Describe(Hyperparameters keys)
    {
        var hasWindow = keys.Prefix == "cohere2";
        return Standard(keys, NormKind.Layer) with
        {
            IsParallel = true,
            LogitScale = Factor(keys, "logit_scale"),
            Window = hasWindow ? Window(keys) : 0,
            FullAttentionInterval = hasWindow ? 4 : 0,
            NoRopeInterval = hasWindow ? 4 : 0,
        };
    }
}
