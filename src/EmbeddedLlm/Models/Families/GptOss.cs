using System.Collections.Immutable;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models.Families;

/// <summary>gpt-oss: attention sinks, a window in the first of every two layers, experts with biases whose gate is cut off and whose up projection is moved by 1.</summary>
internal sealed class GptOss : Architecture
{
    public override ImmutableArray<string> Names => ["gpt-oss"];

    public override ModelSpec Describe(Hyperparameters keys) => Standard(keys) with
    {
        RopePairing = RopePairing.Halves,
        Window = Window(keys),
        FullAttentionInterval = 2,
        FeedForwardNorm = "post_attention_norm",
        Activation = Activation.GeluSigmoid,
        ExpertLimit = 7,
        ExpertUpOffset = 1,
    };
}
