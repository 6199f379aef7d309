using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Cli;

/// <summary>Messages from a JSON file: an array of <c>{"role", "content"}</c>; content is text or an array of <c>{"type": "text", "text"}</c>.</summary>
internal static class MessageFile
{
    public static List<ChatMessage> Read(string path) => [.. JsonFiles.ReadArray(path).Select((node, index) => Message(node, $"{path}, message {index}"))];

    private static ChatMessage Message(JsonNode? node, string where)
    {
        if (node is not JsonObject message || Text(message["role"]) is not { Length: > 0 } role)
            throw new LlmException($"{where}: expected an object with a role.");

        return message["content"] switch
        {
            null => new ChatMessage(new ChatRole(role), ""),
            JsonArray parts => new ChatMessage(new ChatRole(role), [.. parts.Select(part => Part(part, where))]),
            var content => new ChatMessage(new ChatRole(role), Text(content) ?? throw new LlmException($"{where}: content should be text or an array of parts.")),
        };
    }

    private static TextContent Part(JsonNode? part, string where) => part is JsonObject value && Text(value["type"]) == "text" && Text(value["text"]) is { } text
        ? new TextContent(text)
        : throw new LlmException($"{where}: a part should be {{\"type\": \"text\", \"text\": …}}.");

    private static string? Text(JsonNode? node) => node is JsonValue value && value.TryGetValue(out string? text) ? text : null;
}
