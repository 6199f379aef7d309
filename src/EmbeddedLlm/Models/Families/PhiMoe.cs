using System.Collections.Immutable;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models.Families;

/// <summary>Phi 3.5 MoE: norms with biases, experts.</summary>
internal sealed class PhiMoe : Architecture
{
    public override ImmutableArray<string> Names => ["phimoe"];

    public override ModelSpec Describe(Hyperparameters keys) => Standard(keys) with { RopePairing = RopePairing.Halves };
}
