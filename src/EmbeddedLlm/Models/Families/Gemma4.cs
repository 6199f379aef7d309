using System.Collections.Immutable;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models.Families;

/// <summary>
/// Gemma 4, dense and E: heads of another size in layers with a window, scores that are not scaled, normed values, vectors of a token for each layer, and
/// last layers without keys and values of their own. Layers without a window turn a part of the pairs, by a tensor of divisors.
/// </summary>
internal sealed class Gemma4 : Architecture
{
    public override ImmutableArray<string> Names => ["gemma4"];

    public override ModelSpec Describe(Hyperparameters keys)
    {
        var spec = Standard(keys);
        var headWidth = keys.Count("attention.key_length_swa", 1, MaxHeadWidth, fallback: spec.HeadWidth);
        var ropeWidth = keys.Count("rope.dimension_count_swa", 2, MaxHeadWidth, fallback: headWidth);
        if (ropeWidth > headWidth || ropeWidth % 2 != 0)
            keys.Throw("rope.dimension_count_swa", $"an even number up to the head width {headWidth}", $"{ropeWidth}");
        return spec with
        {
            RopePairing = RopePairing.Halves,
            Activation = Activation.GeluTanh,
            EmbeddingScale = MathF.Sqrt(spec.Width),
            AttentionScale = 1,
            LogitSoftCap = keys.Number("final_logit_softcapping", 0, 1e6f, fallback: 0),
            Window = Window(keys),
            WindowPattern = keys.Flags("attention.sliding_window_pattern", spec.Layers),
            WindowHeads = new WindowHeads(headWidth, keys.Count("attention.value_length_swa", 1, MaxHeadWidth, fallback: spec.ValueWidth), ropeWidth),
            WindowRopeBase = keys.Number("rope.freq_base_swa", 1.001f, 1e30f, fallback: 10000),
            HasValueNorm = true,
            SharedKvLayers = keys.Count("attention.shared_kv_layers", 0, spec.Layers - 1, fallback: 0),
            LayerInputWidth = keys.Count("embedding_length_per_layer_input", 0, MaxWidth, fallback: 0),
        };
    }
}
