namespace EmbeddedLlm.Sampling;

/// <summary>Keeps the tokens whose surprise is nearest to the expected one, until their probabilities exceed <paramref name="p"/>.</summary>
internal sealed class TypicalP(float p) : ILogitsProcessor
{
    public void Apply(ref Candidates candidates, ReadOnlySpan<int> history)
    {
        var logits = candidates.Logits;
        var logSum = candidates.LogSum();
        var expected = 0.0;
        foreach (var logit in logits)
            if (logit > float.NegativeInfinity)
                expected += MathF.Exp(logit - logSum) * (logSum - logit);

        var distances = candidates.Scratch.Values.AsSpan(0, logits.Length);
        var order = candidates.Scratch.Order(logits.Length);
        for (var i = 0; i < logits.Length; i++)
        {
            distances[i] = MathF.Abs(logSum - logits[i] - (float)expected);
            order[i] = i;
        }
        distances.Sort(order);

        var kept = 0;
        for (var sum = 0.0; kept < order.Length && sum <= p; kept++)
            sum += MathF.Exp(logits[order[kept]] - logSum);
        order[..kept].Sort();
        candidates.KeepAt(order[..kept]);
    }
}
