using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using EmbeddedLlm.Engine;

namespace EmbeddedLlm.Conversations;

/// <summary>Writes a conversation's file from its beginning to its end.</summary>
internal sealed class ConversationWriter(Stream stream) : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    /// <summary>Writes all but the blocks.</summary>
    /// <param name="fingerprint">Of the model.</param>
    /// <param name="layout">The layout of the blocks that follow; null where none do.</param>
    /// <param name="messages">JSON.</param>
    public void Begin(ReadOnlySpan<byte> fingerprint, PrefixLayout? layout, ReadOnlySpan<byte> messages)
    {
        var name = Encoding.UTF8.GetBytes(layout?.Name ?? "");
        Span<byte> head = stackalloc byte[ConversationFormat.HeadBytes];
        ConversationFormat.Magic.CopyTo(head);
        BinaryPrimitives.WriteUInt32LittleEndian(head[8..], ConversationFormat.Version);
        BinaryPrimitives.WriteInt32LittleEndian(head[12..], name.Length);
        BinaryPrimitives.WriteInt32LittleEndian(head[16..], layout?.BlockTokens ?? 0);
        BinaryPrimitives.WriteInt32LittleEndian(head[20..], layout?.BlockBytes ?? 0);
        BinaryPrimitives.WriteInt32LittleEndian(head[24..], messages.Length);
        fingerprint.CopyTo(head[28..]);
        Write(head);
        Write(name);
        Write(messages);
    }

    /// <summary>Writes a block; only the last may be one in part.</summary>
    public void Block(ReadOnlySpan<int> tokens, ReadOnlySpan<byte> bytes)
    {
        Write(tokens.Length);
        foreach (var token in tokens)
            Write(token);
        Write(bytes);
    }

    /// <summary>Writes the end.</summary>
    public void End()
    {
        Write(0);
        stream.Write(_hash.GetHashAndReset());
    }

    public void Dispose() => _hash.Dispose();

    private void Write(int number)
    {
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, number);
        Write(bytes);
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        _hash.AppendData(bytes);
        stream.Write(bytes);
    }
}
