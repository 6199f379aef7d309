using System.Collections.Immutable;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models.Families;

/// <summary>Liquid LFM2: gated short convolutions in place of attention in most layers; in its mixtures the first layers have no experts, which their tensors tell.</summary>
internal sealed class Lfm2 : Architecture
{
    public override ImmutableArray<string> Names => ["lfm2", "lfm2moe"];

    public override ModelSpec Describe(Hyperparameters keys) => Standard(keys) with
    {
        ExpertScoring = Scoring(keys),
        RopePairing = RopePairing.Halves,
        // Converters gave the norm behind the last layer the name of another tensor.
        OutputNorm = keys.File.TryGetTensor("output_norm.weight", out _) ? "output_norm" : "token_embd_norm",
    };
}
