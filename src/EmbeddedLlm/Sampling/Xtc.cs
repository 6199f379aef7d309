namespace EmbeddedLlm.Sampling;

/// <summary>"Exclude top choices": with a chance, removes the tokens at least as probable as a threshold, but the least probable of them.</summary>
internal sealed class Xtc(float probability, float threshold, Xoshiro256 random) : ILogitsProcessor
{
    public void Apply(ref Candidates candidates, ReadOnlySpan<int> history)
    {
        if (random.NextDouble() >= probability)
            return;

        var logits = candidates.Logits;
        var least = candidates.LogSum() + MathF.Log(threshold);
        var survivor = -1;
        for (var i = 0; i < logits.Length; i++)
            if (logits[i] >= least && logits[i] > float.NegativeInfinity && (survivor < 0 || logits[i] <= logits[survivor]))
                survivor = i;
        if (survivor < 0)
            return;

        var kept = candidates.Scratch.Order(logits.Length);
        var count = 0;
        for (var i = 0; i < logits.Length; i++)
            if (logits[i] < least || i == survivor)
                kept[count++] = i;
        candidates.KeepAt(kept[..count]);
    }
}
