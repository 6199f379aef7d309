using System.Collections.Immutable;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models.Families;

/// <summary>Hunyuan, dense and with experts, and Maincoder: norms on queries and keys behind rope.</summary>
internal sealed class Hunyuan : Architecture
{
    public override ImmutableArray<string> Names => ["hunyuan-dense", "hunyuan-moe", "maincoder"];

    public override ModelSpec Describe(Hyperparameters keys) => Standard(keys) with
    {
        RopePairing = keys.Prefix == "maincoder" ? RopePairing.Adjacent : RopePairing.Halves,
        HeadNormsFollowRope = true,
    };
}
