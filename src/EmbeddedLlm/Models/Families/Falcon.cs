using System.Collections.Immutable;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models.Families;

/// <summary>Falcon 1 (7B, 40B, 180B): layer norms, attention and feed-forward side by side, in the larger ones each with a norm of its own.</summary>
internal sealed class Falcon : Architecture
{
    public override ImmutableArray<string> Names => ["falcon"];

    public override ModelSpec Describe(Hyperparameters keys) => Standard(keys, NormKind.Layer) with
    {
        RopePairing = RopePairing.Halves,
        Activation = Activation.GeluTanh,
        IsParallel = true,
    };
}
