using System.Collections.Immutable;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models.Families;

/// <summary>Qwen 2 and 2.5 (biases on q, k, v) and Qwen 3 (norms on q and k): tensors tell them apart. Qwen 2 MoE's experts have weights that do not add up to 1.</summary>
internal sealed class Qwen : Architecture
{
    public override ImmutableArray<string> Names => ["qwen2", "qwen2moe", "qwen3", "qwen3moe"];

    public override ModelSpec Describe(Hyperparameters keys) => Standard(keys) with
    {
        RopePairing = RopePairing.Halves,
        NormalizeExpertWeights = keys.Prefix != "qwen2moe",
    };
}
