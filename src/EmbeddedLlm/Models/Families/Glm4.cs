using System.Collections.Immutable;

namespace EmbeddedLlm.Models.Families;

/// <summary>GLM 4 (0414): norms before and after, a fused feed-forward, rope on half of the head.</summary>
internal sealed class Glm4 : Architecture
{
    public override ImmutableArray<string> Names => ["glm4"];

    public override ModelSpec Describe(Hyperparameters keys) => Standard(keys);
}
