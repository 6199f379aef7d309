namespace EmbeddedLlm.Chat;

/// <summary>A prompt that is ready.</summary>
/// <param name="Tokens">Its tokens, up to where the answer begins.</param>
/// <param name="IsReasoning">Whether it has begun the reasoning of the answer.</param>
/// <param name="MayReason">Whether the answer may begin with reasoning.</param>
internal sealed record WrittenPrompt(int[] Tokens, bool IsReasoning, bool MayReason);
