using Microsoft.Extensions.AI;

namespace EmbeddedLlm;

/// <summary>A piece of a completion as it is written.</summary>
/// <param name="Text">New text; empty in the last update.</param>
/// <param name="FinishReason">Why it ended; only in the last update.</param>
/// <param name="Usage">Tokens read and written; only in the last update.</param>
public sealed record CompletionUpdate(string Text, ChatFinishReason? FinishReason = null, UsageDetails? Usage = null);
