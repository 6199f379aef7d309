using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Conversations;

/// <summary>One request on a conversation, from its messages to its answer. Disposed before it is complete, it leaves the conversation as it was.</summary>
internal sealed class ConversationTurn(ConversationStore store, Conversation conversation, IReadOnlyList<ChatMessage> history) : IDisposable
{
    private readonly List<ChatResponseUpdate> _updates = [];
    private bool _isComplete;                                               // another request may have begun since

    public string Id => conversation.Id;

    /// <summary>See <see cref="Conversation.OwnKey"/>.</summary>
    public long? OwnKey => conversation.OwnKey;

    /// <summary>The kept messages and the new ones.</summary>
    public IReadOnlyList<ChatMessage> History { get; } = history;

    /// <summary>Notes a part of the answer.</summary>
    public void Add(ChatResponseUpdate update) =>
        _updates.Add(new(update.Role, [.. update.Contents]) { MessageId = update.MessageId, CreatedAt = update.CreatedAt });

    /// <summary>Appends the new messages and the answer; others may go on from here.</summary>
    /// <param name="told">The history, without the beginning of the answer.</param>
    /// <param name="prefill">The beginning of the answer, where the request brought one.</param>
    /// <param name="last">The last part of the answer.</param>
    /// <param name="tokens">Prompt and answer.</param>
    /// <param name="key">The key under which they were computed.</param>
    public void Complete(IReadOnlyList<ChatMessage> told, string prefill, ChatResponseUpdate last, int[] tokens, long key)
    {
        if (prefill.Length > 0)
            _updates.Insert(0, new(last.Role, prefill) { MessageId = last.MessageId, CreatedAt = last.CreatedAt });
        Add(last);
        store.Keep(conversation, [.. told, .. _updates.ToChatResponse().Messages], tokens, key);
        _isComplete = true;
    }

    public void Dispose()
    {
        if (!_isComplete)
            store.Leave(conversation);
    }
}
