using System.Collections.Immutable;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models.Families;

/// <summary>Phi 1, 1.5 and 2: layer norms, rope on a part of the head, attention and feed-forward side by side.</summary>
internal sealed class Phi2 : Architecture
{
    public override ImmutableArray<string> Names => ["phi2"];

    public override ModelSpec Describe(Hyperparameters keys) => Standard(keys, NormKind.Layer) with
    {
        RopePairing = RopePairing.Halves,
        Activation = Activation.GeluTanh,
        IsParallel = true,
    };
}
