using System.Collections.Immutable;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models.Families;

/// <summary>Jais: layer norms, ALiBi in place of positions, a SiLU gate, and scores divided by the head width (muP).</summary>
internal sealed class Jais : Architecture
{
    public override ImmutableArray<string> Names => ["jais"];

    public override ModelSpec Describe(Hyperparameters keys)
    {
        var spec = Standard(keys, NormKind.Layer);
        return spec with
        {
            RopeWidth = 0,
            AlibiBias = keys.Number("attention.max_alibi_bias", 0, 1000, fallback: 0),
            AttentionScale = 1f / spec.HeadWidth,
        };
    }
}
