namespace EmbeddedLlm.Sampling;

/// <summary>One step on the way from logits to a token: it changes logits or cuts tokens away, and always leaves at least one.</summary>
internal interface ILogitsProcessor
{
    /// <summary>Does the step.</summary>
    /// <param name="candidates">The tokens still in question.</param>
    /// <param name="history">All tokens so far, prompt included, oldest first.</param>
    void Apply(ref Candidates candidates, ReadOnlySpan<int> history);
}
