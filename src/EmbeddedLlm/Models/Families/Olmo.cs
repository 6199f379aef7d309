using System.Collections.Immutable;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models.Families;

/// <summary>
/// OLMo 1 has layer norms without gain. OLMo 2 norms what attention and feed-forward add, and whole queries and keys; OLMo 3 has its name in GGUF, and a
/// window in three of four layers, whose rope is not scaled. OLMoE has input norms and experts.
/// </summary>
internal sealed class Olmo : Architecture
{
    public override ImmutableArray<string> Names => ["olmo", "olmo2", "olmoe"];

    public override ModelSpec Describe(Hyperparameters keys)
    {
        if (keys.Prefix == "olmo")
        {
            return Standard(keys, NormKind.Layer) with
            {
                HasNormGains = false,
                QkvLimit = keys.Number("attention.clamp_kqv", 0, 1e6f, fallback: 0),
            };
        }

        var spec = Standard(keys) with
        {
            RopePairing = RopePairing.Halves,
            HasInputNorms = keys.Prefix == "olmoe",
            NormalizeExpertWeights = false,
            Window = Window(keys),
            FullAttentionInterval = 4,
        };
        return spec.Window > 0 ? spec with { WindowRopeBase = spec.RopeBase } : spec;
    }
}
