using System.Collections.Immutable;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models.Families;

/// <summary>GPT-NeoX, Pythia, Dolly 2, Open Assistant: layer norms, rope on a part of the head, attention and feed-forward side by side or in turn.</summary>
internal sealed class GptNeoX : Architecture
{
    public override ImmutableArray<string> Names => ["gptneox"];

    public override ModelSpec Describe(Hyperparameters keys) => Standard(keys, NormKind.Layer) with
    {
        RopePairing = RopePairing.Halves,
        Activation = keys.Text("hidden_activation", "gelu_new") == "gelu" ? Activation.Gelu : Activation.GeluTanh,
        IsParallel = keys.Flag("use_parallel_residual", true),
    };
}
