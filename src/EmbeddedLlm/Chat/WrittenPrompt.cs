namespace EmbeddedLlm.Chat;

/// <summary>A prompt that is ready.</summary>
/// <param name="Tokens">Its tokens, up to where the model begins.</param>
/// <param name="IsReasoning">Whether it has begun the reasoning of the answer, before the prefill.</param>
/// <param name="MayReason">Whether the answer may begin with reasoning.</param>
/// <param name="Prefill">What it has written of the answer.</param>
/// <param name="PrefillTokens">How many of the last tokens that is.</param>
internal sealed record WrittenPrompt(int[] Tokens, bool IsReasoning, bool MayReason, string Prefill = "", int PrefillTokens = 0);
