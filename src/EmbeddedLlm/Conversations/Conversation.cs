using EmbeddedLlm.Engine;
using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Conversations;

/// <summary>A conversation that is kept. Its store guards it; what its lists hold is never changed, only replaced.</summary>
/// <param name="id">Its name.</param>
/// <param name="ownKey">See <see cref="OwnKey"/>.</param>
/// <param name="messages">What it begins with.</param>
/// <param name="tokens">What is computed of it.</param>
internal sealed class Conversation(string id, long? ownKey, IReadOnlyList<ChatMessage> messages, int[] tokens)
{
    public string Id { get; } = id;

    /// <summary>
    /// The key of one that came from a file: its blocks may not be what they say, and must reach nobody else. Null where computed blocks are shared as requests ask.
    /// </summary>
    public long? OwnKey { get; } = ownKey;

    public IReadOnlyList<ChatMessage> Messages { get; set; } = messages;

    /// <summary>Prompt and answer of the last request, as the model knows them: the next prompt begins so, as far as the template repeats it.</summary>
    public int[] Tokens { get; set; } = tokens;

    /// <summary>The key under which <see cref="Tokens"/> were computed.</summary>
    public long TokensKey { get; set; } = ownKey ?? PrefixKey.None;

    /// <summary>Whether a request is being answered.</summary>
    public bool IsBusy { get; set; }
}
