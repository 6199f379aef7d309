using System.Numerics.Tensors;

namespace EmbeddedLlm.Sampling;

/// <summary>Divides the logits. Measured from the greatest one, which nothing can make overflow.</summary>
internal sealed class Temperature(float temperature) : ILogitsProcessor
{
    public void Apply(ref Candidates candidates, ReadOnlySpan<int> history)
    {
        var logits = candidates.Logits;
        TensorPrimitives.Subtract(logits, candidates.Most(), logits);
        TensorPrimitives.Divide(logits, temperature, logits);
    }
}
