namespace EmbeddedLlm.Sampling;

/// <summary>Divides the logits.</summary>
internal sealed class Temperature(float temperature) : ILogitsProcessor
{
    public void Apply(ref Candidates candidates, ReadOnlySpan<int> history) => candidates.Divide(temperature);
}
