using System.Collections.Immutable;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models.Families;

/// <summary>ModernBERT: input norms (none in the first block, whose input is normed), a GELU gate, and a window in two of three layers with a rope of its own.</summary>
internal sealed class ModernBert : Architecture
{
    public override ImmutableArray<string> Names => ["modern-bert"];

    public override ModelSpec Describe(Hyperparameters keys) => Standard(keys, NormKind.Layer) with
    {
        IsCausal = false,
        RopePairing = RopePairing.Halves,
        Activation = Activation.GeluTanh,
        Window = Window(keys),
        FullAttentionInterval = 3,
        IsFirstAttentionFull = true,
        WindowRopeBase = keys.Number("rope.freq_base_swa", 1.001f, 1e30f, fallback: 10000),
    };
}
