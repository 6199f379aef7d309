using System.Collections.Immutable;

namespace EmbeddedLlm.Models.Families;

/// <summary>MiniCPM 1 and 2: Llama with factors on embedding, residuals and logits (muP), which old files leave out.</summary>
internal sealed class MiniCpm : Architecture
{
    public override ImmutableArray<string> Names => ["minicpm"];

    public override ModelSpec Describe(Hyperparameters keys)
    {
        // Without keys: those of the 1B and 2B models.
        var spec = Standard(keys);
        return spec with
        {
            EmbeddingScale = keys.Number("embedding_scale", 0, 1e6f, fallback: 12),
            ResidualScale = keys.Number("residual_scale", 0, 1e6f, fallback: 1.4f / MathF.Sqrt(spec.Layers)),
            LogitScale = keys.Contains("logit_scale") ? 1 / Factor(keys, "logit_scale") : 256f / spec.Width,
        };
    }
}
