using System.Collections.Immutable;

namespace EmbeddedLlm.Models.Families;

/// <summary>Mistral 3 (Ministral 3, Mistral Large 3): Llama with attention that grows sharper every <c>original_context_length</c> positions.</summary>
internal sealed class Mistral : Architecture
{
    public override ImmutableArray<string> Names => ["mistral3"];

    public override ModelSpec Describe(Hyperparameters keys)
    {
        var spec = Standard(keys);
        return spec with
        {
            TemperatureScale = keys.Number("attention.temperature_scale", 0, 1e6f, fallback: 0),
            TemperatureLength = spec.RopeScaling.OriginalContextLength,
        };
    }
}
