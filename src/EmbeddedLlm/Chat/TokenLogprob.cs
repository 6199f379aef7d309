namespace EmbeddedLlm.Chat;

/// <summary>
/// How probable the model found a token of an answer: by its own logits, before bias, constraints, penalties, temperature and cuts. A token that these made
/// the model choose may be improbable.
/// </summary>
/// <param name="Token">The id.</param>
/// <param name="Text">What the token writes; U+FFFD where that is no whole character. Control tokens write their name.</param>
/// <param name="Bytes">The same in UTF-8; a token may be part of a character.</param>
/// <param name="Logprob">The natural logarithm of the probability.</param>
/// <param name="Top">The most probable tokens in its place, the most probable first, as many as were asked for; they have none themselves.</param>
public sealed record TokenLogprob(int Token, string Text, ReadOnlyMemory<byte> Bytes, float Logprob, IReadOnlyList<TokenLogprob> Top);
