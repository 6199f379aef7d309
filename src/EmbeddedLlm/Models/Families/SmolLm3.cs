using System.Collections.Immutable;

namespace EmbeddedLlm.Models.Families;

/// <summary>SmolLM 3: Llama where every fourth layer knows no positions.</summary>
internal sealed class SmolLm3 : Architecture
{
    public override ImmutableArray<string> Names => ["smollm3"];

    public override ModelSpec Describe(Hyperparameters keys) => Standard(keys) with { NoRopeInterval = 4 };
}
