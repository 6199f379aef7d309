using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using EmbeddedLlm.Engine;
using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Conversations;

/// <summary>
/// A conversation's file, read to its end and found sound before anything of it is used. Blocks are read again one by one: a file takes no more memory than its
/// messages and tokens.
/// </summary>
internal sealed class ConversationFile : IDisposable
{
    private readonly FileStream _stream;
    private readonly string _path;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly byte[] _fingerprint = new byte[ConversationFormat.FingerprintBytes];
    private readonly List<int> _tokens = [];
    private readonly long _firstBlock;

    private ConversationFile(string path, int maxMessages)
    {
        _path = path;
        _stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1 << 16);
        try
        {
            (Layout, var messageBytes) = ReadHead();
            Messages = ReadMessages(messageBytes, maxMessages);
            _firstBlock = _stream.Position;
            ReadBlocks();
            ReadEnd();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public IReadOnlyList<ChatMessage> Messages { get; }

    /// <summary>Of the model that computed the blocks.</summary>
    public ReadOnlySpan<byte> Fingerprint => _fingerprint;

    /// <summary>The layout of the blocks; null where there are none.</summary>
    public PrefixLayout? Layout { get; }

    /// <summary>The tokens that the blocks hold.</summary>
    public ReadOnlyMemory<int> Tokens { get; private set; }

    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="ModelFormatException">The file is damaged or of another kind.</exception>
    public static ConversationFile Open(string path, int maxMessages) => new(path, maxMessages);

    /// <summary>Reads blocks that stand behind each other.</summary>
    /// <param name="first">The first one.</param>
    /// <param name="bytes">[blocks × BlockBytes]</param>
    public void ReadBlocks(int first, Span<byte> bytes)
    {
        // All but the last hold as many tokens, so they stand equally far apart.
        var (_, blockTokens, blockBytes) = Layout!;
        var stride = sizeof(int) + (long)sizeof(int) * blockTokens + blockBytes;
        for (var block = first; bytes.Length > 0; block++, bytes = bytes[blockBytes..])
        {
            var tokens = Math.Min(blockTokens, Tokens.Length - block * blockTokens);
            _stream.Position = _firstBlock + block * stride + sizeof(int) + (long)sizeof(int) * tokens;
            _stream.ReadExactly(bytes[..blockBytes]);
        }
    }

    public void Dispose()
    {
        _hash.Dispose();
        _stream.Dispose();
    }

    private (PrefixLayout? Layout, int MessageBytes) ReadHead()
    {
        Span<byte> head = stackalloc byte[ConversationFormat.HeadBytes];
        Read(head, "head");
        if (!head.StartsWith(ConversationFormat.Magic))
            throw Wrong(0, "magic", $"'{Encoding.ASCII.GetString(ConversationFormat.Magic)}'", Convert.ToHexString(head[..ConversationFormat.Magic.Length]));
        if (BinaryPrimitives.ReadUInt32LittleEndian(head[8..]) is var version && version != ConversationFormat.Version)
            throw Wrong(8, "version", $"{ConversationFormat.Version}", $"{version}");
        var nameBytes = Number(head, 12, "bytes of the layout's name", 0, ConversationFormat.MaxLayoutBytes);
        var hasBlocks = nameBytes > 0;
        var blockTokens = Number(head, 16, "tokens of a block", hasBlocks ? 1 : 0, hasBlocks ? ConversationFormat.MaxBlockTokens : 0);
        var blockBytes = Number(head, 20, "bytes of a block", hasBlocks ? 1 : 0, hasBlocks ? int.MaxValue : 0);
        var messageBytes = Number(head, 24, "bytes of messages", 1, ConversationFormat.MaxMessageBytes);
        head[28..].CopyTo(_fingerprint);

        Span<byte> name = stackalloc byte[nameBytes];
        Read(name, "layout's name");
        return (hasBlocks ? new(Encoding.UTF8.GetString(name), blockTokens, blockBytes) : null, messageBytes);
    }

    private IReadOnlyList<ChatMessage> ReadMessages(int bytes, int maxMessages)
    {
        var place = _stream.Position;
        RequireLeft(bytes, "messages");
        var json = new byte[bytes];
        Read(json, "messages");
        try
        {
            var messages = ConversationFormat.FromJson(json);
            return messages.Count <= maxMessages ? messages : throw Wrong(place, "messages", $"at most {maxMessages} (ConversationOptions.MaxMessages)", $"{messages.Count}");
        }
        catch (JsonException exception)
        {
            throw new ModelFormatException($"{_path}: messages at byte {place}: expected a list of chat messages as JSON, found none: {exception.Message}", exception);
        }
    }

    private void ReadBlocks()
    {
        var isLast = false;
        Span<byte> number = stackalloc byte[sizeof(int)];
        while (true)
        {
            var place = _stream.Position;
            Read(number, "tokens of a block");
            var count = BinaryPrimitives.ReadInt32LittleEndian(number);
            if (count == 0)
                break;
            if (Layout is not { } layout || isLast)
                throw Wrong(place, "tokens of a block", Layout is null ? "none, as no layout is named" : "none behind a block that is not full", $"{count}");
            if (count < 0 || count > layout.BlockTokens)
                throw Wrong(place, "tokens of a block", $"1 to {layout.BlockTokens}", $"{count}");

            RequireLeft((long)count * sizeof(int) + layout.BlockBytes, "block");
            for (var i = 0; i < count; i++)
            {
                Read(number, "token");
                var token = BinaryPrimitives.ReadInt32LittleEndian(number);
                _tokens.Add(token >= 0 ? token : throw Wrong(_stream.Position - sizeof(int), "token", "an id", $"{token}"));
            }

            Skip(layout.BlockBytes);
            isLast = count < layout.BlockTokens;
        }

        Tokens = _tokens.ToArray();
    }

    private void ReadEnd()
    {
        var expected = _hash.GetHashAndReset();
        var place = _stream.Position;
        Span<byte> found = stackalloc byte[ConversationFormat.ChecksumBytes];
        Read(found, "checksum");
        if (!found.SequenceEqual(expected))
            throw Wrong(place, "checksum", Convert.ToHexString(expected), Convert.ToHexString(found));
        if (_stream.Position != _stream.Length)
            throw Wrong(_stream.Position, "end of the file", "none behind the checksum", $"{_stream.Length - _stream.Position} bytes");
    }

    private int Number(ReadOnlySpan<byte> head, int place, string what, int least, int most)
    {
        var number = BinaryPrimitives.ReadInt32LittleEndian(head[place..]);
        return number >= least && number <= most ? number : throw Wrong(place, what, least == most ? $"{least}" : $"{least} to {most}", $"{number}");
    }

    private void Skip(int bytes)
    {
        Span<byte> part = stackalloc byte[4096];
        for (; bytes > 0; bytes -= part.Length)
        {
            part = part[..Math.Min(part.Length, bytes)];
            Read(part, "block");
        }
    }

    private void Read(Span<byte> bytes, string what)
    {
        RequireLeft(bytes.Length, what);
        _stream.ReadExactly(bytes);
        _hash.AppendData(bytes);
    }

    private void RequireLeft(long bytes, string what)
    {
        if (_stream.Length - _stream.Position is var left && left < bytes)
            throw Wrong(_stream.Position, what, $"{bytes} bytes", $"{left} to the end of the file");
    }

    private ModelFormatException Wrong(long place, string what, string expected, string found) =>
        new($"{_path}: {what} at byte {place}: expected {expected}, found {found}.");
}
