using System.Collections.Immutable;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models.Families;

/// <summary>PLaMo: Llama with attention and feed-forward side by side.</summary>
internal sealed class Plamo : Architecture
{
    public override ImmutableArray<string> Names => ["plamo"];

    public override ModelSpec Describe(Hyperparameters keys) => Standard(keys) with { RopePairing = RopePairing.Halves, IsParallel = true };
}
