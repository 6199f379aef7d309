using System.Collections.Immutable;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models.Families;

/// <summary>StarCoder 2 and CodeShell: layer norms, biases, no gate.</summary>
internal sealed class StarCoder2 : Architecture
{
    public override ImmutableArray<string> Names => ["codeshell", "starcoder2"];

    public override ModelSpec Describe(Hyperparameters keys) => Standard(keys, NormKind.Layer) with
    {
        RopePairing = RopePairing.Halves,
        Activation = Activation.GeluTanh,
    };
}
