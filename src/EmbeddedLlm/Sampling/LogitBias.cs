using System.Diagnostics;

namespace EmbeddedLlm.Sampling;

/// <summary>Adds to the logits of single tokens; tokens that the vocabulary lacks are passed over.</summary>
internal sealed class LogitBias(IReadOnlyDictionary<int, float> bias) : ILogitsProcessor
{
    private readonly KeyValuePair<int, float>[] _bias = [.. bias];

    public void Apply(ref Candidates candidates, ReadOnlySpan<int> history)
    {
        Debug.Assert(candidates.IsWhole);
        var logits = candidates.Logits;
        foreach (var (token, value) in _bias)
            if (token < logits.Length)
                logits[token] += value;
    }
}
