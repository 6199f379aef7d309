using System.Collections.Immutable;

namespace EmbeddedLlm.Models.Families;

/// <summary>Baichuan 1 and 2, and Refact: Llama; the 13B model and Refact with ALiBi in place of rope.</summary>
internal sealed class Baichuan : Architecture
{
    public override ImmutableArray<string> Names => ["baichuan", "refact"];

    // Of both sizes of Baichuan, only this one has ALiBi.
    private const int LargeLayers = 40;

    public override ModelSpec Describe(Hyperparameters keys)
    {
        var spec = Standard(keys);
        return keys.Prefix == "refact" || spec.Layers == LargeLayers ? spec with { RopeWidth = 0, AlibiBias = 8 } : spec;
    }
}
