using System.Collections.Immutable;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models.Families;

/// <summary>OLMo 2 norms what attention and feed-forward add, and whole queries and keys; OLMoE has input norms and experts.</summary>
internal sealed class Olmo : Architecture
{
    public override ImmutableArray<string> Names => ["olmo2", "olmoe"];

    public override ModelSpec Describe(Hyperparameters keys) => Standard(keys) with
    {
        RopePairing = RopePairing.Halves,
        HasInputNorms = keys.Prefix == "olmoe",
        NormalizeExpertWeights = false,
    };
}
