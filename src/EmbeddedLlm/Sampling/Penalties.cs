using System.Diagnostics;

namespace EmbeddedLlm.Sampling;

/// <summary>Makes tokens of the last <paramref name="window"/> less probable: by a factor, by how often, and by whether they stand there.</summary>
internal sealed class Penalties(int window, float repetition, float frequency, float presence) : ILogitsProcessor
{
    public void Apply(ref Candidates candidates, ReadOnlySpan<int> history)
    {
        Debug.Assert(candidates.IsWhole);
        var logits = candidates.Logits;
        var counts = candidates.Scratch.PerToken;
        var recent = history[Math.Max(0, history.Length - window)..];
        foreach (var token in recent)
            counts[token]++;
        foreach (var token in recent)
        {
            var count = counts[token];
            if (count == 0)
                continue;
            counts[token] = 0;
            ref var logit = ref logits[token];
            logit = logit > 0 ? logit / repetition : logit * repetition;
            logit -= count * frequency + presence;
        }
    }
}
