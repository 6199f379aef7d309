using EmbeddedLlm.Chat;
using Microsoft.Extensions.AI;

namespace EmbeddedLlm;

/// <summary>What a model wrote after a prompt.</summary>
/// <param name="Text">The text, without the prompt.</param>
/// <param name="FinishReason"><see cref="ChatFinishReason.Stop"/>, or <see cref="ChatFinishReason.Length"/> at the token limit or a full context.</param>
/// <param name="Usage">Tokens read, read from the cache, and written.</param>
public sealed record Completion(string Text, ChatFinishReason FinishReason, UsageDetails Usage)
{
    /// <summary>How probable the model found the tokens, in order; empty where <see cref="GenerationOptions.TopLogprobs"/> does not ask.</summary>
    public IReadOnlyList<TokenLogprob> Logprobs { get; init; } = [];
}
