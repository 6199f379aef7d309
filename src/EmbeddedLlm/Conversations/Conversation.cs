using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Conversations;

/// <summary>A conversation that is kept. Its store guards it; what its lists hold is never changed, only replaced.</summary>
/// <param name="id">Its name.</param>
/// <param name="prefixKey">The key under which its tokens are computed.</param>
/// <param name="messages">What it begins with.</param>
/// <param name="tokens">What is computed of it.</param>
internal sealed class Conversation(string id, long prefixKey, IReadOnlyList<ChatMessage> messages, int[] tokens)
{
    public string Id { get; } = id;

    /// <summary>
    /// 0 where its computed blocks are shared with all requests. One that came from a file has a key of its own: its blocks may not be what they say, and
    /// must reach nobody else.
    /// </summary>
    public long PrefixKey { get; } = prefixKey;

    public IReadOnlyList<ChatMessage> Messages { get; set; } = messages;

    /// <summary>Prompt and answer of the last request, as the model knows them: the next prompt begins so, as far as the template repeats it.</summary>
    public int[] Tokens { get; set; } = tokens;

    /// <summary>Whether a request is being answered.</summary>
    public bool IsBusy { get; set; }
}
