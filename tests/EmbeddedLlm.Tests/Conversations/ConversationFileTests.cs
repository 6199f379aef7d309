using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using EmbeddedLlm.Conversations;
using EmbeddedLlm.Engine;
using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Tests.Conversations;

public sealed class ConversationFileTests : IDisposable
{
    private const int MaxMessages = 20;

    private static readonly PrefixLayout Layout = new("test/1", BlockTokens: 4, BlockBytes: 9);
    private static readonly byte[] Fingerprint = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];

    private readonly TemporaryFolder _folder = new();

    private string FilePath => _folder.File("a.conversation");

    public void Dispose() => _folder.Dispose();

    private static byte[] Write(Action<ConversationWriter> write)
    {
        using var stream = new MemoryStream();
        using var writer = new ConversationWriter(stream);
        write(writer);
        return stream.ToArray();
    }

    // Two whole blocks and one in part.
    private static byte[] Sound(string messages = """[{"role":"user","contents":[{"$type":"text","text":"Hi"}]}]""", PrefixLayout? layout = null) => Write(writer =>
    {
        writer.Begin(Fingerprint, layout ?? Layout, Encoding.UTF8.GetBytes(messages));
        writer.Block([1, 2, 3, 4], "123456789"u8);
        writer.Block([5, 6, 7, 8], "abcdefghi"u8);
        writer.Block([9], "ABCDEFGHI"u8);
        writer.End();
    });

    // Whoever changes a file on purpose changes its checksum too.
    private static byte[] Sealed(byte[] file)
    {
        if (file.Length > 32)
            SHA256.HashData(file.AsSpan(0, file.Length - 32), file.AsSpan(file.Length - 32));
        return file;
    }

    private ConversationFile Open(byte[] bytes)
    {
        File.WriteAllBytes(FilePath, bytes);
        return ConversationFile.Open(FilePath, MaxMessages);
    }

    private ModelFormatException Refused(byte[] bytes)
    {
        var failure = Assert.Throws<ModelFormatException>(() => Open(bytes));
        Assert.StartsWith(FilePath, failure.Message, StringComparison.Ordinal);
        return failure;
    }

    [Fact]
    public void Open_WhatWasWritten_IsRead()
    {
        using var file = Open(Sound());

        Assert.Equal("Hi", Assert.Single(file.Messages).Text);
        Assert.Equal((Layout, 9), (file.Layout, file.Tokens.Length));
        Assert.Equal(Fingerprint, file.Fingerprint.ToArray());
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8, 9], file.Tokens.ToArray());
        var bytes = new byte[18];
        file.ReadBlocks(1, bytes);
        Assert.Equal("abcdefghiABCDEFGHI", Encoding.ASCII.GetString(bytes));
        file.ReadBlocks(0, bytes);
        Assert.Equal("123456789abcdefghi", Encoding.ASCII.GetString(bytes));
    }

    [Fact]
    public void Open_WithoutBlocks_HasMessagesAlone()
    {
        using var file = Open(Write(writer =>
        {
            writer.Begin(Fingerprint, null, "[]"u8);
            writer.End();
        }));
        Assert.Empty(file.Messages);
        Assert.Null(file.Layout);
        Assert.True(file.Tokens.IsEmpty);
    }

    [Fact]
    public void Json_EveryKindOfContent_ComesBack()
    {
        ChatMessage[] messages =
        [
            new(ChatRole.System, "Größe €😀 \"<&"),
            new(ChatRole.User, [new TextContent("a"), new DataContent("data:text/plain;base64,SGk=", "text/plain")]) { AuthorName = "Ann", MessageId = "m", CreatedAt = DateTimeOffset.UnixEpoch },
            new(ChatRole.Assistant,
            [
                new TextReasoningContent("hm"),
                new FunctionCallContent("1", "f", new Dictionary<string, object?> { ["a"] = null, ["b"] = 1.5 }),
                new FunctionCallContent("2", "g") { InformationalOnly = true, Exception = new FormatException(), RawRepresentation = "{" },
            ]),
            new(ChatRole.Tool, [new FunctionResultContent("1", "text"), new FunctionResultContent("3", new[] { 1, 2 })]),
            new(ChatRole.Assistant, []),
        ];

        var read = ConversationFormat.FromJson(ConversationFormat.ToJson(messages));

        // What the template reads is the same.
        Assert.Equal(EmbeddedLlm.Chat.TemplateMessages.From(messages, null).ToJsonString(), EmbeddedLlm.Chat.TemplateMessages.From(read, null).ToJsonString());
        Assert.Equal(("Ann", "m", DateTimeOffset.UnixEpoch), (read[1].AuthorName, read[1].MessageId, read[1].CreatedAt));
    }

    [Fact]
    public void ToJson_AContentThatIsNoJson_IsRefused()
    {
        var cycle = new Dictionary<string, object?>();
        cycle["self"] = cycle;
        Assert.Throws<NotSupportedException>(() => ConversationFormat.ToJson([new(ChatRole.Tool, [new FunctionResultContent("1", cycle)])]));
    }

    [Theory]
    [InlineData("[null]")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("[")]
    [InlineData("""[{"role":""}]""")]
    [InlineData("""[{"role":null}]""")]
    [InlineData("""[{"contents":[null]}]""")]
    [InlineData("""[{"contents":[{"$type":"evil"}]}]""")]
    [InlineData("""[{"contents":[{"$type":"data","uri":"x"}]}]""")]
    [InlineData("""[{"contents":[{"$type":"functionCall","callId":null,"name":null}]}]""")]
    [InlineData("""[{"contents":[{"$type":"uri","uri":"::","mediaType":"?"}]}]""")]
    public void Open_WrongMessages_AreRefused(string messages) =>
        Assert.Contains("messages at byte 66", Refused(Sound(messages)).Message, StringComparison.Ordinal);

    [Fact]
    public void Open_TooManyMessages_AreRefused()
    {
        var messages = $"[{string.Join(',', Enumerable.Repeat("{}", MaxMessages + 1))}]";
        Assert.Contains($"found {MaxMessages + 1}", Refused(Sound(messages)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 0x47, "magic")]
    [InlineData(8, 2, "version")]
    [InlineData(12, -1, "layout's name")]
    [InlineData(12, 257, "layout's name")]
    [InlineData(16, 0, "tokens of a block")]
    [InlineData(16, 65537, "tokens of a block")]
    [InlineData(20, 0, "bytes of a block")]
    [InlineData(20, int.MaxValue, "block at byte")]
    [InlineData(24, 0, "bytes of messages")]
    [InlineData(24, int.MaxValue, "bytes of messages")]
    [InlineData(24, 64 << 20, "messages at byte")]
    public void Open_AWrongNumber_IsRefusedByNameAndTakesNoMemory(int place, int number, string what)
    {
        var bytes = Sound();
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(place), number);
        File.WriteAllBytes(FilePath, Sealed(bytes));

        var before = GC.GetAllocatedBytesForCurrentThread();
        var failure = Assert.Throws<ModelFormatException>(() => ConversationFile.Open(FilePath, MaxMessages));

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2 << 20);
        Assert.Contains(what, failure.Message, StringComparison.Ordinal);
        Assert.Contains("expected", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_BlocksOutOfOrder_AreRefused()
    {
        Refused(Write(writer =>
        {
            writer.Begin(Fingerprint, Layout, "[]"u8);
            writer.Block([1], "123456789"u8);
            writer.Block([2, 3, 4, 5], "123456789"u8);
            writer.End();
        }));
        Refused(Write(writer =>
        {
            writer.Begin(Fingerprint, Layout, "[]"u8);
            writer.Block([1, 2, 3, 4, 5], "123456789"u8);
            writer.End();
        }));
        Refused(Write(writer =>
        {
            writer.Begin(Fingerprint, Layout, "[]"u8);
            writer.Block([-1], "123456789"u8);
            writer.End();
        }));
        Refused(Write(writer =>
        {
            writer.Begin(Fingerprint, null, "[]"u8);
            writer.Block([1], []);
            writer.End();
        }));
    }

    [Fact]
    public void Open_AnyByteChangedOrMissing_IsRefused()
    {
        var sound = Sound();
        for (var i = 0; i < sound.Length; i++)
        {
            var changed = sound.ToArray();
            changed[i] ^= 0x20;
            Refused(changed);
            Refused(sound[..i]);
        }

        Refused([.. sound, 0]);
    }

    [Fact]
    public void Open_ForgedFiles_AreReadOrRefused()
    {
        var random = new Random(5);
        var sound = Sound();
        var read = 0;
        for (var i = 0; i < 3000; i++)
        {
            var bytes = sound.ToList();
            for (var change = random.Next(1, 4); change > 0; change--)
            {
                var place = random.Next(bytes.Count - 32);
                switch (random.Next(4))
                {
                    case 0:
                        bytes[place] = (byte)random.Next(256);
                        break;
                    case 1:
                        bytes[place] ^= (byte)(1 << random.Next(8));
                        break;
                    case 2:
                        bytes.RemoveRange(place, Math.Min(random.Next(1, 9), bytes.Count - 33 - place));
                        break;
                    default:
                        bytes.InsertRange(place, Enumerable.Range(0, random.Next(1, 9)).Select(_ => (byte)random.Next(256)));
                        break;
                }
            }

            try
            {
                using var file = Open(Sealed([.. bytes]));
                read++;
                if (file.Layout is { } layout)
                    file.ReadBlocks(0, new byte[(file.Tokens.Length + layout.BlockTokens - 1) / layout.BlockTokens * layout.BlockBytes]);
            }
            catch (ModelFormatException)
            {
            }
        }

        Assert.InRange(read, 100, 2900);
    }
}
