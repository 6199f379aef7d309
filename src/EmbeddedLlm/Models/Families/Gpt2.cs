using System.Collections.Immutable;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models.Families;

/// <summary>GPT-2, Cerebras-GPT and StarCoder 1: positions from a table, layer norms, no gate. Cerebras-GPT's factors (muP) are read where a file has them.</summary>
internal sealed class Gpt2 : Architecture
{
    public override ImmutableArray<string> Names => ["gpt2", "starcoder"];

    public override ModelSpec Describe(Hyperparameters keys) => Standard(keys, NormKind.Layer) with
    {
        RopeWidth = 0,
        Activation = keys.Text("hidden_activation", "gelu_new") switch
        {
            "gelu" => Activation.Gelu,
            "gelu_new" or "gelu_fast" or "gelu_pytorch_tanh" => Activation.GeluTanh,
            var other => throw new UnsupportedModelException($"{keys.File.Path}: the activation '{other}' is not supported in this family. Supported: gelu, gelu_new, gelu_fast, gelu_pytorch_tanh."),
        },
        EmbeddingScale = Factor(keys, "embedding_scale"),
        LogitScale = Factor(keys, "logit_scale"),
    };
}
