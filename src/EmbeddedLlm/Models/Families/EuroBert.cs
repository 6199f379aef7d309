using System.Collections.Immutable;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models.Families;

/// <summary>EuroBERT: Llama as an encoder.</summary>
internal sealed class EuroBert : Architecture
{
    public override ImmutableArray<string> Names => ["eurobert", "llama-embed"];

    public override ModelSpec Describe(Hyperparameters keys) => Standard(keys) with
    {
        IsCausal = false,
        RopePairing = keys.Prefix == "eurobert" ? RopePairing.Halves : RopePairing.Adjacent,
    };
}
