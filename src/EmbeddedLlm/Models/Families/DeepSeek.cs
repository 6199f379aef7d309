using System.Collections.Immutable;

namespace EmbeddedLlm.Models.Families;

/// <summary>DeepSeek MoE 16B (the first) and Ling: Llama with shared experts beside others, and dense first layers; tensors show both.</summary>
internal sealed class DeepSeek : Architecture
{
    public override ImmutableArray<string> Names => ["bailingmoe", "deepseek"];

    public override ModelSpec Describe(Hyperparameters keys) => Standard(keys) with
    {
        NormalizeExpertWeights = keys.Prefix == "bailingmoe" && keys.Flag("expert_weights_norm", false),
    };
}
