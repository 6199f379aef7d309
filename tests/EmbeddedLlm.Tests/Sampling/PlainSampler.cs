using EmbeddedLlm.Sampling;

namespace EmbeddedLlm.Tests.Sampling;

/// <summary>
/// The definition of sampling, written down plainly: lists of tokens and their logits, sorted where an order is needed, everything in doubles. Notes when a
/// comparison was so close that floats may see it the other way.
/// </summary>
internal sealed class PlainSampler(SamplingOptions options, long seed)
{
    // Sums of floats are this exact, relative to the whole.
    private const double Rounding = 2e-6;

    private readonly Xoshiro256 _random = new(seed);

    /// <summary>Whether a comparison was too close to tell.</summary>
    public bool IsClose { get; private set; }

    /// <summary>The next token.</summary>
    public int Sample(float[] logits, int[] history)
    {
        var penalized = Penalize(logits, history);
        if (options.Temperature == 0)
            return Rank(penalized.Select((logit, id) => (id, logit)))[0].Id;

        List<(int Id, float Logit)> tokens = [.. penalized.Select((logit, id) => (id, logit))];
        if (options.TopK > 0)
            tokens = [.. Rank(tokens).Take(options.TopK)];
        if (options.TopP < 1)
            tokens = TopP(tokens);
        if (options.MinP > 0)
            tokens = [.. tokens.Where(token => Reaches(token.Logit - tokens.Max(t => t.Logit), Math.Log(options.MinP)))];
        if (options is { XtcProbability: > 0, XtcThreshold: <= 0.5f } && _random.NextDouble() < options.XtcProbability)
            tokens = Xtc(tokens);
        return Draw(tokens);
    }

    private float[] Penalize(float[] logits, int[] history)
    {
        float[] result = [.. logits];
        foreach (var (id, bias) in options.LogitBias ?? new Dictionary<int, float>())
            result[id] += bias;
        foreach (var group in history.TakeLast(options.PenaltyWindow).GroupBy(id => id))
        {
            ref var logit = ref result[group.Key];
            logit = logit > 0 ? logit / options.RepetitionPenalty : logit * options.RepetitionPenalty;
            logit -= group.Count() * options.FrequencyPenalty + options.PresencePenalty;
        }

        return result;
    }

    private List<(int Id, float Logit)> TopP(List<(int Id, float Logit)> tokens)
    {
        var ranked = Rank(tokens);
        var probabilities = Probabilities(ranked, 1);
        var kept = 0;
        var sum = 0.0;
        do
            sum += probabilities[kept++];
        while (kept < ranked.Count && !Reaches(sum, options.TopP - 1e-6));
        return [.. ranked.Take(kept)];
    }

    private List<(int Id, float Logit)> Xtc(List<(int Id, float Logit)> tokens)
    {
        var probabilities = Probabilities(tokens, 1);
        List<(int Id, float Logit)> top = [.. tokens.Where((_, i) => Reaches(probabilities[i], options.XtcThreshold))];
        if (top.Count == 0)
            return tokens;
        var survivor = top.Last(token => token.Logit == top.Min(t => t.Logit));
        return [.. tokens.Where(token => !top.Contains(token) || token == survivor)];
    }

    private int Draw(List<(int Id, float Logit)> tokens)
    {
        var probabilities = Probabilities(tokens, options.Temperature);
        var target = _random.NextDouble();
        var sum = 0.0;
        for (var i = 0; i < tokens.Count; i++)
        {
            sum += probabilities[i];
            if (Reaches(sum, target))
                return tokens[i].Id;
        }

        return tokens[^1].Id;
    }

    private bool Reaches(double value, double limit)
    {
        IsClose |= Math.Abs(value - limit) < Rounding;
        return value >= limit;
    }

    private static List<(int Id, float Logit)> Rank(IEnumerable<(int Id, float Logit)> tokens) => [.. tokens.OrderByDescending(token => token.Logit).ThenBy(token => token.Id)];

    private static double[] Probabilities(List<(int Id, float Logit)> tokens, double temperature)
    {
        var most = tokens.Max(token => token.Logit);
        double[] weights = [.. tokens.Select(token => Math.Exp((token.Logit - most) / temperature))];
        var sum = weights.Sum();
        return [.. weights.Select(weight => weight / sum)];
    }
}
