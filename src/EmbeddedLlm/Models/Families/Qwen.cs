using System.Collections.Immutable;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models.Families;

/// <summary>
/// Qwen 1, 2 and 2.5 (biases on q, k, v) and Qwen 3 (norms on q and k): tensors tell them apart. Qwen 2 MoE's experts have weights that do not add up to 1.
/// The language models of Qwen 2, 2.5 and 3 VL, whose rope in three dimensions is the plain one for text. EXAONE 3 and openPangu Embedded have the same graph.
/// </summary>
internal sealed class Qwen : Architecture
{
    public override ImmutableArray<string> Names => ["exaone", "pangu-embedded", "qwen", "qwen2", "qwen2moe", "qwen2vl", "qwen3", "qwen3moe", "qwen3vl", "qwen3vlmoe"];

    public override ModelSpec Describe(Hyperparameters keys) => Standard(keys) with
    {
        RopePairing = RopePairing.Halves,
        NormalizeExpertWeights = keys.Prefix != "qwen2moe",
    };
}
