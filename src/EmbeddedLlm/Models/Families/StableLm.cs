using System.Collections.Immutable;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models.Families;

/// <summary>StableLM 3B and 2, and Orion: Llama with layer norms and rope on a part of the head.</summary>
internal sealed class StableLm : Architecture
{
    public override ImmutableArray<string> Names => ["orion", "stablelm"];

    public override ModelSpec Describe(Hyperparameters keys) => Standard(keys, NormKind.Layer) with
    {
        RopePairing = RopePairing.Halves,
        IsParallel = keys.Flag("use_parallel_residual", false),
    };
}
