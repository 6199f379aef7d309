namespace EmbeddedLlm.Sampling;

/// <summary>Keeps the fewest most probable tokens whose probabilities reach <paramref name="p"/>, sorted.</summary>
internal sealed class TopP(float p) : ILogitsProcessor
{
    // Probabilities from float logits are no more exact than this: 0.4 + 0.3 reaches 0.7.
    private const double Rounding = 1e-6;

    public void Apply(ref Candidates candidates, ReadOnlySpan<int> history)
    {
        var most = candidates.Most();
        var total = candidates.Weights(most, out _);

        // Tokens below (1 − p) / 2n hold less than 1 − p together, so they cannot be needed; without them there is little to sort.
        if (!candidates.IsSorted)
            candidates.KeepFrom(most + (float)Math.Log(total * (1 - p) / (2 * candidates.Count)));
        candidates.Sort();

        var logits = candidates.Logits;
        var kept = 0;
        var sum = 0.0;
        do
            sum += MathF.Exp(logits[kept++] - most);
        while (kept < logits.Length && sum < (p - Rounding) * total);
        candidates.KeepFirst(kept);
    }
}
