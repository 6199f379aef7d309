using System.Collections.Immutable;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models.Families;

/// <summary>Gemma 1 to 3, and EmbeddingGemma, which is Gemma 3 as an encoder: a scaled embedding, GELU; from 2 on norms before and after, windows in some layers; 2 caps scores and logits, 3 norms queries and keys.</summary>
internal sealed class Gemma : Architecture
{
    public override ImmutableArray<string> Names => ["gemma", "gemma2", "gemma3", "gemma-embedding"];

    public override ModelSpec Describe(Hyperparameters keys)
    {
        var spec = Standard(keys) with { RopePairing = RopePairing.Halves, Activation = Activation.GeluTanh };
        spec = spec with { EmbeddingScale = MathF.Sqrt(spec.Width) };
        return keys.Prefix switch
        {
            "gemma2" => spec with
            {
                AttentionScale = Scale(spec, largeLayers: 46),
                AttentionSoftCap = keys.Number("attn_logit_softcapping", 0, 1e6f, fallback: 50),
                LogitSoftCap = keys.Number("final_logit_softcapping", 0, 1e6f, fallback: 30),
                Window = Window(keys),
                FullAttentionInterval = 2,
            },
            "gemma3" => spec with
            {
                AttentionScale = Scale(spec, largeLayers: 62),
                LogitSoftCap = keys.Number("final_logit_softcapping", 0, 1e6f, fallback: 0),
                Window = Window(keys),
                FullAttentionInterval = 6,
                WindowRopeBase = keys.Number("rope.freq_base_swa", 1.001f, 1e30f, fallback: 10000),
            },
            "gemma-embedding" => spec with
            {
                IsCausal = false,
                Window = Window(keys),
                FullAttentionInterval = 6,
                WindowRopeBase = keys.Number("rope.freq_base_swa", 1.001f, 1e30f, fallback: 10000),
            },
            _ => spec,
        };
    }

    // The 27B models divide by the root of width over heads, which only the number of their layers tells.
    private static float Scale(ModelSpec spec, int largeLayers) => spec.Layers == largeLayers ? 1 / MathF.Sqrt((float)spec.Width / spec.Heads) : spec.AttentionScale;
}
