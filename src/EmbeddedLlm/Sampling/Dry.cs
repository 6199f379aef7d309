using System.Diagnostics;

namespace EmbeddedLlm.Sampling;

/// <summary>
/// "Don't repeat yourself": where the end of the text already stood earlier in it, the token that followed there becomes less probable,
/// the more so the longer the match. Breakers end a match and are never punished.
/// </summary>
internal sealed class Dry(float multiplier, float @base, int allowedLength, int window, IReadOnlySet<int>? breakers) : ILogitsProcessor
{
    // Beyond this a penalty has long decided, and a float would overflow.
    private const float MaxPenalty = 1e30f;

    public void Apply(ref Candidates candidates, ReadOnlySpan<int> history)
    {
        Debug.Assert(candidates.IsWhole);
        var recent = history[Math.Max(0, history.Length - window)..];
        var longest = UnbrokenEnd(recent);
        if (longest < allowedLength || recent.Length <= allowedLength)
            return;

        var matches = candidates.Scratch.Order(recent.Length);
        MatchEnd(recent, matches);

        var logits = candidates.Logits;
        var repeats = candidates.Scratch.PerToken;              // the longest match that each token would lengthen
        for (var i = 1; i < recent.Length; i++)
            repeats[recent[^i]] = Math.Max(repeats[recent[^i]], Math.Min(matches[i], longest));
        try
        {
            foreach (var token in recent)
            {
                if (repeats[token] >= allowedLength && breakers?.Contains(token) != true)
                    logits[token] -= Math.Min(multiplier * MathF.Pow(@base, repeats[token] - allowedLength), MaxPenalty);
                repeats[token] = 0;
            }
        }
        finally
        {
            // The set of breakers is the caller's and may throw; the next request finds the buffer as it should be.
            foreach (var token in recent)
                repeats[token] = 0;
        }
    }

    // How many tokens stand at the end without a breaker among them.
    private int UnbrokenEnd(ReadOnlySpan<int> tokens)
    {
        if (breakers is null)
            return tokens.Length;
        var length = 0;
        while (length < tokens.Length && !breakers.Contains(tokens[^(length + 1)]))
            length++;
        return length;
    }

    // matches[i]: how many tokens before the last i equal the end of the text. The Z algorithm on the text read backwards,
    // linear in its length: [left, right) is the match that reaches furthest so far.
    private static void MatchEnd(ReadOnlySpan<int> tokens, Span<int> matches)
    {
        var (left, right) = (0, 0);
        for (var i = 1; i < tokens.Length; i++)
        {
            var length = i < right ? Math.Min(matches[i - left], right - i) : 0;
            while (i + length < tokens.Length && tokens[^(length + 1)] == tokens[^(i + length + 1)])
                length++;
            matches[i] = length;
            if (i + length > right)
                (left, right) = (i, i + length);
        }
    }
}
