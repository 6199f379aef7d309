using System.Collections.Immutable;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models.Families;

/// <summary>DBRX: layer norms without bias, queries, keys and values cut off, experts.</summary>
internal sealed class Dbrx : Architecture
{
    public override ImmutableArray<string> Names => ["dbrx"];

    public override ModelSpec Describe(Hyperparameters keys) => Standard(keys, NormKind.Layer) with
    {
        RopePairing = RopePairing.Halves,
        QkvLimit = keys.Number("attention.clamp_kqv", 0, 1e6f, fallback: 0),
        FeedForwardNorm = "attn_output_norm",
    };
}
