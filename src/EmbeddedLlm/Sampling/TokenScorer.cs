namespace EmbeddedLlm.Sampling;

/// <summary>Keeps a row of logits as the model gave it, since a sampler changes its own, and scores tokens by it.</summary>
/// <param name="vocabularySize">Tokens of the vocabulary.</param>
/// <param name="scratch">Buffers, as long as the vocabulary.</param>
internal sealed class TokenScorer(int vocabularySize, SamplerScratch scratch)
{
    private readonly float[] _logits = new float[vocabularySize];

    /// <summary>Keeps a row.</summary>
    /// <param name="logits">[vocabulary]</param>
    public void Keep(ReadOnlySpan<float> logits) => logits.CopyTo(_logits);

    /// <summary>Scores a token by the row, which is used up by it.</summary>
    /// <param name="token">The token that was chosen.</param>
    /// <param name="top">How many of the most probable ones to name.</param>
    public TokenScore Score(int token, int top)
    {
        var logit = _logits[token];
        var candidates = new Candidates(_logits, scratch);
        var most = candidates.Most();
        var logSum = Math.Log(candidates.Weights(out _));
        float Logprob(float other) => (float)(other - most - logSum);
        if (top == 0)
            return new(token, Logprob(logit), []);

        new TopK(top).Apply(ref candidates, []);
        var best = new List<(int, float)>(candidates.Count);
        for (var i = 0; i < candidates.Count && !float.IsNegativeInfinity(candidates.Logits[i]); i++)
            best.Add((candidates.Id(i), Logprob(candidates.Logits[i])));
        return new(token, Logprob(logit), [.. best]);
    }
}
