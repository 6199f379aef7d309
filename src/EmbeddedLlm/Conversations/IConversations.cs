using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Conversations;

/// <summary>
/// The conversations that a model keeps. A request whose <see cref="ChatOptions.ConversationId"/> names one brings only its new messages; they and the answer are
/// appended when the answer has ended, by itself or at a limit. A request that fails, is cancelled or left leaves the conversation as it was. One request at a
/// time: a second one is refused. <see cref="ChatOptions.Instructions"/> and tools belong to a request, and are not kept.
/// Ids are random; who knows one can go on the conversation. Safe for concurrent use.
/// </summary>
public interface IConversations
{
    /// <summary>Begins a conversation.</summary>
    /// <param name="messages">What it begins with, such as a system message; null for nothing.</param>
    /// <returns>Its id.</returns>
    /// <exception cref="ArgumentException">A message is null.</exception>
    /// <exception cref="ConversationException">There are too many messages, or no room as all conversations are answering.</exception>
    string Create(IEnumerable<ChatMessage>? messages = null);

    /// <summary>The messages of a conversation so far.</summary>
    /// <exception cref="ConversationException">There is no such conversation.</exception>
    IReadOnlyList<ChatMessage> GetMessages(string id);

    /// <summary>Drops a conversation. An answer that is on its way still comes, and is not kept.</summary>
    /// <returns>Whether there was one.</returns>
    bool Remove(string id);

    /// <summary>
    /// Writes a conversation to a file: its messages, and of what was computed for them as much as the model still has in its memory, so that it need not be
    /// computed again. The file is written whole or not at all. An answer that is on its way is not in it. What is computed is large, see docs/conversations.md.
    /// </summary>
    /// <exception cref="ConversationException">There is no such conversation.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="NotSupportedException">A message has a content that cannot be written as JSON.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    Task SaveAsync(string id, string path, CancellationToken cancellationToken = default);

    /// <summary>
    /// Reads a conversation from a file. What was computed by another model, another format of the KV cache or another backend's layout is left out, which is
    /// logged (event 2038); the messages are then computed again with the next request. Files may come from strangers: none harms other conversations.
    /// </summary>
    /// <returns>The id of the conversation here, a new one each time.</returns>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="ModelFormatException">The file is damaged, of another kind, or has more messages than a conversation may have.</exception>
    /// <exception cref="ConversationException">There is no room, as all conversations are answering.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    Task<string> LoadAsync(string path, CancellationToken cancellationToken = default);
}
