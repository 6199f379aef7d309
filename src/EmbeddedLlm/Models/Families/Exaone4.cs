using System.Collections.Immutable;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models.Families;

/// <summary>EXAONE 4: norms what attention and feed-forward add; the large one has a window in three of four layers, and rope only there.</summary>
internal sealed class Exaone4 : Architecture
{
    public override ImmutableArray<string> Names => ["exaone4"];

    // Of both sizes only this one has windows.
    private const int LargeLayers = 64;

    public override ModelSpec Describe(Hyperparameters keys)
    {
        var spec = Standard(keys) with { RopePairing = RopePairing.Halves, HasInputNorms = false };
        return spec.Layers == LargeLayers
            ? spec with { Window = Window(keys) is > 0 and var window ? window : 4096, FullAttentionInterval = 4, NoRopeInterval = 4 }
            : spec;
    }
}
