using System.Collections.Immutable;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models.Families;

/// <summary>Seed-OSS: Qwen 2 with another name for a norm.</summary>
internal sealed class SeedOss : Architecture
{
    public override ImmutableArray<string> Names => ["seed_oss"];

    public override ModelSpec Describe(Hyperparameters keys) => Standard(keys) with { RopePairing = RopePairing.Halves, FeedForwardNorm = "post_attention_norm" };
}
