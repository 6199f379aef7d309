using System.Collections.Immutable;

namespace EmbeddedLlm.Models.Families;

/// <summary>Llama 1 to 3.3 and what shares their graph: Mistral 7B, Mixtral, TinyLlama, SmolLM 1 and 2, Yi, InternLM 2, ERNIE 4.5, ChatGLM 3, GLM 4 9B, XVERSE and others.</summary>
internal sealed class Llama : Architecture
{
    public override ImmutableArray<string> Names => ["chatglm", "ernie4_5", "internlm2", "llama", "xverse"];

    public override ModelSpec Describe(Hyperparameters keys) => Standard(keys);
}
