using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Conversations;

/// <summary>The sizes of a conversation's file, which docs/conversations.md describes, and its messages as JSON.</summary>
internal static class ConversationFormat
{
    public const uint Version = 1;

    /// <summary>Bytes before the name of the layout.</summary>
    public const int HeadBytes = 60;

    public const int FingerprintBytes = 32;

    public const int ChecksumBytes = 32;

    public const int MaxLayoutBytes = 256;

    public const int MaxMessageBytes = 64 << 20;

    public const int MaxBlockTokens = 1 << 16;

    private static readonly JsonTypeInfo<IList<ChatMessage>> Messages =
        (JsonTypeInfo<IList<ChatMessage>>)new JsonSerializerOptions(AIJsonUtilities.DefaultOptions) { WriteIndented = false }.GetTypeInfo(typeof(IList<ChatMessage>));

    public static ReadOnlySpan<byte> Magic => "ELLMCONV"u8;

    /// <exception cref="NotSupportedException">A content cannot be written.</exception>
    public static byte[] ToJson(IReadOnlyList<ChatMessage> messages)
    {
        byte[] json;
        try
        {
            json = JsonSerializer.SerializeToUtf8Bytes([.. messages], Messages);
        }
        catch (Exception exception) when (exception is JsonException or NotSupportedException or InvalidOperationException or ArgumentException)
        {
            throw new NotSupportedException($"The messages of the conversation cannot be written as JSON: {exception.Message}", exception);
        }

        return json.Length <= MaxMessageBytes ? json : throw new NotSupportedException($"The messages of the conversation are {json.Length} bytes of JSON; a file takes at most {MaxMessageBytes}.");
    }

    /// <summary>Reads messages that may come from anybody.</summary>
    /// <exception cref="JsonException">They are none.</exception>
    public static IReadOnlyList<ChatMessage> FromJson(ReadOnlySpan<byte> json)
    {
        IList<ChatMessage>? messages;
        try
        {
            messages = JsonSerializer.Deserialize(json, Messages);
        }
        catch (Exception exception) when (exception is not (JsonException or OutOfMemoryException))
        {
            throw new JsonException(exception.Message, exception);          // what contents refuse to be made of
        }

        if (messages is null || messages.Any(message => message is null || message.Contents.Any(content => content is null)))
            throw new JsonException("The list, a message or a content is null.");
        return [.. messages];
    }
}
