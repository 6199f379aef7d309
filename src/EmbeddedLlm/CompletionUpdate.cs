using EmbeddedLlm.Chat;
using Microsoft.Extensions.AI;

namespace EmbeddedLlm;

/// <summary>A piece of a completion as it is written.</summary>
/// <param name="Text">New text; empty in the last update.</param>
/// <param name="FinishReason">Why it ended; only in the last update.</param>
/// <param name="Usage">Tokens read and written; only in the last update.</param>
public sealed record CompletionUpdate(string Text, ChatFinishReason? FinishReason = null, UsageDetails? Usage = null)
{
    /// <summary>How probable the model found the tokens that came with this piece; empty where <see cref="GenerationOptions.TopLogprobs"/> does not ask.</summary>
    public IReadOnlyList<TokenLogprob> Logprobs { get; init; } = [];
}
