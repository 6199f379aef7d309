using System.Collections.Immutable;

namespace EmbeddedLlm.Models.Families;

/// <summary>Llama 1 to 3.3 and what shares their graph: Mistral 7B, Mixtral, TinyLlama, SmolLM 1 and 2, Yi and others.</summary>
internal sealed class Llama : Architecture
{
    public override ImmutableArray<string> Names => ["llama"];

    public override ModelSpec Describe(Hyperparameters keys) => Standard(keys);
}
