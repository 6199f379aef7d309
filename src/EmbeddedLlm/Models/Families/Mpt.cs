using System.Collections.Immutable;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models.Families;

/// <summary>MPT: layer norms without bias, ALiBi in place of positions, queries, keys and values cut off.</summary>
internal sealed class Mpt : Architecture
{
    public override ImmutableArray<string> Names => ["mpt"];

    public override ModelSpec Describe(Hyperparameters keys) => Standard(keys, NormKind.Layer) with
    {
        RopeWidth = 0,
        Activation = Activation.GeluTanh,
        AlibiBias = keys.Number("attention.max_alibi_bias", 0, 1000, fallback: 0),
        QkvLimit = keys.Number("attention.clamp_kqv", 0, 1e6f, fallback: 0),
    };
}
