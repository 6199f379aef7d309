namespace EmbeddedLlm.Sampling;

/// <summary>How probable the model found a token.</summary>
/// <param name="Token">Its id.</param>
/// <param name="Logprob">The natural logarithm of its probability.</param>
/// <param name="Top">The most probable tokens in its place, the most probable first; none that cannot be.</param>
internal sealed record TokenScore(int Token, float Logprob, (int Token, float Logprob)[] Top);
