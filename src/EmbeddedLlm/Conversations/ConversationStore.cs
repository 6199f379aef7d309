using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using EmbeddedLlm.Engine;
using EmbeddedLlm.Gguf;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;

namespace EmbeddedLlm.Conversations;

/// <summary>Keeps the conversations of one model.</summary>
/// <param name="options">How many, how long.</param>
/// <param name="engine">Has what was computed for them.</param>
/// <param name="fingerprint">Of the model: what another model computed is of no use.</param>
/// <param name="logger">Takes events.</param>
internal sealed class ConversationStore(ConversationOptions options, InferenceEngine engine, ReadOnlyMemory<byte> fingerprint, ILogger logger) : IConversations
{
    /// <summary>About as many bytes are copied between two steps: a millisecond or two for who waits for a token.</summary>
    private const int CopyBytes = 4 << 20;

    private const int IdBytes = 16;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, LinkedListNode<Conversation>> _byId = new(StringComparer.Ordinal);
    private readonly LinkedList<Conversation> _byUse = [];                  // the longest unused first

    public string Create(IEnumerable<ChatMessage>? messages = null)
    {
        var copies = Copy([.. messages ?? []]);
        RequireRoom(copies.Count);
        return Add(null, copies, []);
    }

    public IReadOnlyList<ChatMessage> GetMessages(string id)
    {
        lock (_gate)
            return Copy(Find(id).Value.Messages);
    }

    public bool Remove(string id)
    {
        ArgumentNullException.ThrowIfNull(id);
        lock (_gate)
        {
            if (!_byId.Remove(id, out var node))
                return false;
            _byUse.Remove(node);
            return true;
        }
    }

    public Task SaveAsync(string id, string path, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        lock (_gate)
        {
            var conversation = Find(id).Value;
            var (key, messages, tokens) = (conversation.TokensKey, conversation.Messages, conversation.Tokens);
            return Task.Run(() => Save(path, key, messages, tokens, cancellationToken), cancellationToken);
        }
    }

    public Task<string> LoadAsync(string path, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return Task.Run(() => Load(path, cancellationToken), cancellationToken);
    }

    /// <summary>Begins a request on a conversation.</summary>
    /// <param name="id">The conversation.</param>
    /// <param name="messages">What is new.</param>
    /// <exception cref="ConversationException">The conversation is unknown, busy or full.</exception>
    public ConversationTurn Begin(string id, IReadOnlyList<ChatMessage> messages)
    {
        var copies = Copy(messages);
        lock (_gate)
        {
            var node = Find(id);
            var conversation = node.Value;
            if (conversation.IsBusy)
                throw new ConversationException(ConversationProblem.Busy, $"The conversation '{id}' is answering another request. Wait for its end.");
            RequireRoom(conversation.Messages.Count + copies.Count + 1);
            conversation.IsBusy = true;
            _byUse.Remove(node);
            _byUse.AddLast(node);
            return new(this, conversation, [.. conversation.Messages, .. copies]);
        }
    }

    /// <summary>Ends a request: its messages and its answer are kept.</summary>
    /// <param name="conversation">The conversation.</param>
    /// <param name="messages">All its messages now.</param>
    /// <param name="tokens">Prompt and answer of the request.</param>
    /// <param name="key">The key under which they were computed.</param>
    public void Keep(Conversation conversation, IReadOnlyList<ChatMessage> messages, int[] tokens, long key)
    {
        lock (_gate)
            (conversation.Messages, conversation.Tokens, conversation.TokensKey, conversation.IsBusy) = (messages, tokens, key, false);
    }

    /// <summary>Ends a request: nothing of it is kept.</summary>
    public void Leave(Conversation conversation)
    {
        lock (_gate)
            conversation.IsBusy = false;
    }

    // Callers may go on changing the messages that they gave or got.
    private static IReadOnlyList<ChatMessage> Copy(IReadOnlyList<ChatMessage> messages) =>
    [
        .. messages.Select(message => message is null
            ? throw new ArgumentException("A message is null.", nameof(messages))
            : new ChatMessage(message.Role, [.. message.Contents])
            {
                AuthorName = message.AuthorName,
                MessageId = message.MessageId,
                CreatedAt = message.CreatedAt,
                AdditionalProperties = message.AdditionalProperties?.Clone(),
            }),
    ];

    private void RequireRoom(int messages)
    {
        if (messages > options.MaxMessages)
            throw new ConversationException(ConversationProblem.Full, $"The conversation would have {messages} messages with the answer; it may have {options.MaxMessages} (ConversationOptions.MaxMessages).");
    }

    private LinkedListNode<Conversation> Find(string id)
    {
        ArgumentNullException.ThrowIfNull(id);
        return _byId.TryGetValue(id, out var node) ? node
            : throw new ConversationException(ConversationProblem.Unknown, $"There is no conversation '{id}'. It never was, was removed, or was dropped for newer ones, of which {options.MaxCount} are kept (ConversationOptions.MaxCount).");
    }

    private string Add(long? key, IReadOnlyList<ChatMessage> messages, int[] tokens)
    {
        var id = RandomNumberGenerator.GetHexString(2 * IdBytes, lowercase: true);
        lock (_gate)
        {
            MakeRoom();
            _byId.Add(id, _byUse.AddLast(new Conversation(id, key, messages, tokens)));
        }

        return id;
    }

    private void MakeRoom()
    {
        if (_byUse.Count < options.MaxCount)
            return;
        for (var node = _byUse.First; node is not null; node = node.Next)
        {
            if (node.Value.IsBusy)
                continue;
            _byUse.Remove(node);
            _byId.Remove(node.Value.Id);
            ConversationLog.Dropped(logger, node.Value.Messages.Count, options.MaxCount);
            return;
        }

        throw new ConversationException(ConversationProblem.Busy, $"All {options.MaxCount} conversations (ConversationOptions.MaxCount) are answering; none can be dropped for a new one.");
    }

    private void Save(string path, long key, IReadOnlyList<ChatMessage> messages, int[] tokens, CancellationToken cancellationToken)
    {
        var json = ConversationFormat.ToJson(messages);
        var positions = 0;
        AtomicFile.Write(path, stream =>
        {
            using var writer = new ConversationWriter(stream);
            writer.Begin(fingerprint.Span, engine.Layout, json);
            if (engine.Layout is { } layout)
                positions = CopyBlocks(writer, layout, key, tokens, cancellationToken);
            writer.End();
        });
        if (engine.Layout is null && tokens.Length > 0)
            ConversationLog.OnlyMessages(logger, path, WhyNot());
        ConversationLog.Saved(logger, messages.Count, path, positions);
    }

    private int CopyBlocks(ConversationWriter writer, PrefixLayout layout, long key, int[] tokens, CancellationToken cancellationToken)
    {
        var blocks = BlocksAtATime(layout);
        var bytes = new byte[blocks * layout.BlockBytes];
        var positions = 0;
        for (var first = 0; positions == first * layout.BlockTokens; first += blocks)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var read = engine.ReadPrefixAsync(key, tokens, first, bytes).GetAwaiter().GetResult();
            for (var block = 0; read > 0; block++)
            {
                var own = Math.Min(read, layout.BlockTokens);
                writer.Block(tokens.AsSpan(positions, own), bytes.AsSpan(block * layout.BlockBytes, layout.BlockBytes));
                positions += own;
                read -= own;
            }
        }

        return positions;
    }

    private string Load(string path, CancellationToken cancellationToken)
    {
        using var file = ConversationFile.Open(path, options.MaxMessages);
        if (!file.Tokens.IsEmpty)
        {
            if (IsOurs(file, out var why))
            {
                var key = RandomKey();
                var tokens = file.Tokens[..Math.Min(file.Tokens.Length, engine.ContextLength)];
                var known = WriteBlocks(file, key, tokens, cancellationToken);
                ConversationLog.Loaded(logger, file.Messages.Count, path, known, file.Tokens.Length);
                return Add(key, file.Messages, tokens.ToArray());
            }

            ConversationLog.OnlyMessages(logger, path, why);
        }

        ConversationLog.Loaded(logger, file.Messages.Count, path, 0, file.Tokens.Length);
        return Add(null, file.Messages, []);
    }

    private int WriteBlocks(ConversationFile file, long key, ReadOnlyMemory<int> tokens, CancellationToken cancellationToken)
    {
        var layout = file.Layout!;
        var blocks = BlocksAtATime(layout);
        var bytes = new byte[blocks * layout.BlockBytes];
        var known = 0;
        for (var first = 0; known < tokens.Length; first += blocks)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var end = (int)Math.Min(((long)first + blocks) * layout.BlockTokens, tokens.Length);
            var count = (end + layout.BlockTokens - 1) / layout.BlockTokens - first;
            file.ReadBlocks(first, bytes.AsSpan(0, count * layout.BlockBytes));
            known = engine.WritePrefixAsync(key, tokens[..end], first, bytes).GetAwaiter().GetResult();
            if (known < end)
                break;                                                      // the KV memory is full of what runs
        }

        return known;
    }

    private bool IsOurs(ConversationFile file, [NotNullWhen(false)] out string? why)
    {
        why = engine.Layout is null ? WhyNot()
            : !file.Fingerprint.SequenceEqual(fingerprint.Span) ? "another model, another quantization of it or another length of the context computed the rest."
            : file.Layout != engine.Layout ? $"the rest has the layout {file.Layout}, expected was {engine.Layout}: another backend or KvType computed it."
            : null;
        return why is null;
    }

    private string WhyNot() => engine.IsRecurrent
        ? "the states of a recurrent model are not saved."
        : "the backend gives no KV blocks out.";

    private static int BlocksAtATime(PrefixLayout layout) => Math.Max(1, CopyBytes / layout.BlockBytes);

    private static long RandomKey()
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        RandomNumberGenerator.Fill(bytes);
        return BinaryPrimitives.ReadInt64LittleEndian(bytes) | 1;           // never PrefixKey.None, the key of all others
    }
}
