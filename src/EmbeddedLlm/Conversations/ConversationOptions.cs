namespace EmbeddedLlm.Conversations;

/// <summary>How many conversations a model keeps, and how long they may become.</summary>
public sealed record ConversationOptions
{
    /// <summary>The most conversations: 100 by default. Where one more begins, the longest unused is dropped, which is logged (event 2035).</summary>
    public int MaxCount { get; init; } = 100;

    /// <summary>The most messages of a conversation, answers included: 1000 by default. One more is refused.</summary>
    public int MaxMessages { get; init; } = 1000;
}
