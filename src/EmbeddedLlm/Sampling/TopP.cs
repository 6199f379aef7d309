namespace EmbeddedLlm.Sampling;

/// <summary>Keeps the fewest most probable tokens whose probabilities reach <paramref name="p"/>; a draw goes through them in order.</summary>
/// <param name="p">The sum of probabilities.</param>
/// <param name="minP">
/// That of a <see cref="MinP"/> that comes right after, or 0. Neither of the two cuts moves the other's limit, so what it will cut may go first: often it
/// leaves little to put in order.
/// </param>
internal sealed class TopP(float p, float minP = 0) : ILogitsProcessor
{
    // Probabilities from float logits are no more exact than this: 0.4 + 0.3 reaches 0.7.
    private const double Rounding = 1e-6;

    public void Apply(ref Candidates candidates, ReadOnlySpan<int> history)
    {
        var total = candidates.Weights(out _);
        if (minP > 0)
            candidates.KeepFrom(MinP.Least(candidates.Most(), minP));
        candidates.KeepTop((p - Rounding) * total);
    }
}
