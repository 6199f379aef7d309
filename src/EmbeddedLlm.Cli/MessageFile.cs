using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Cli;

/// <summary>
/// Messages from a JSON file, as OpenAI writes them: an array of <c>{"role", "content"}</c>; content is text or an array of
/// <c>{"type": "text", "text"}</c>. The assistant's may have <c>reasoning_content</c> and <c>tool_calls</c>, a tool's has the
/// <c>tool_call_id</c> that it answers. What would be lost on the way to the model's template is an error.
/// </summary>
internal static class MessageFile
{
    public static List<ChatMessage> Read(string path)
    {
        var calls = new Dictionary<string, string>(StringComparer.Ordinal); // call id → tool
        return [.. JsonFiles.ReadArray(path).Select((node, index) => Message(node, calls, $"{path}, message {index}"))];
    }

    private static ChatMessage Message(JsonNode? node, Dictionary<string, string> calls, string where)
    {
        if (node is not JsonObject message || Text(message["role"]) is not { Length: > 0 } name)
            throw new LlmException($"{where}: expected an object with a role.");

        var role = new ChatRole(name);
        if (role == ChatRole.Tool)
            return new ChatMessage(role, [Result(message, calls, where)]);

        AllowOnly(message, where, role == ChatRole.Assistant ? ["role", "content", "reasoning_content", "tool_calls"] : ["role", "content"]);
        var contents = new List<AIContent>();
        if (message["reasoning_content"] is { } reasoning)
            contents.Add(new TextReasoningContent(Text(reasoning) ?? throw new LlmException($"{where}: reasoning_content should be text.")));
        contents.AddRange(Content(message, where));
        if (message["tool_calls"] is { } toolCalls)
        {
            if (toolCalls is not JsonArray list)
                throw new LlmException($"{where}: tool_calls should be an array.");
            contents.AddRange(list.Select(call => Call(call, calls, where)));
        }

        return new ChatMessage(role, contents);
    }

    private static IEnumerable<TextContent> Content(JsonObject message, string where) => message["content"] switch
    {
        null => [],
        JsonArray parts => parts.Select(part => Part(part, where)),
        var content => [new TextContent(Text(content) ?? throw new LlmException($"{where}: content should be text or an array of parts."))],
    };

    private static TextContent Part(JsonNode? part, string where)
    {
        if (part is not JsonObject value || Text(value["type"]) != "text" || Text(value["text"]) is not { } text)
            throw new LlmException($"{where}: a part should be {{\"type\": \"text\", \"text\": …}}.");
        AllowOnly(value, where, "type", "text");
        return new TextContent(text);
    }

    private static FunctionCallContent Call(JsonNode? node, Dictionary<string, string> calls, string where)
    {
        if (node is not JsonObject call || Text(call["id"]) is not { } id || call["function"] is not JsonObject function || Text(function["name"]) is not { } name
            || (Text(call["type"]) ?? "function") != "function")
            throw new LlmException($"{where}: a tool call should be {{\"id\": …, \"type\": \"function\", \"function\": {{\"name\": …, \"arguments\": …}}}}.");

        AllowOnly(call, where, "id", "type", "function");
        AllowOnly(function, where, "name", "arguments");
        calls[id] = name;
        return new FunctionCallContent(id, name, Arguments(function["arguments"], where).ToDictionary(pair => pair.Key, object? (pair) => pair.Value));
    }

    /// <summary>An object, or, as OpenAI has it, the JSON text of one.</summary>
    private static JsonObject Arguments(JsonNode? node, string where)
    {
        try
        {
            return (Text(node) is { } text ? JsonNode.Parse(text) : node ?? new JsonObject()) as JsonObject
                ?? throw new LlmException($"{where}: the arguments of a tool call should be an object, or JSON text of one.");
        }
        catch (JsonException exception)
        {
            throw new LlmException($"{where}: the arguments of a tool call are no valid JSON: {exception.Message}", exception);
        }
    }

    private static FunctionResultContent Result(JsonObject message, Dictionary<string, string> calls, string where)
    {
        AllowOnly(message, where, "role", "content", "tool_call_id", "name");
        if (Text(message["tool_call_id"]) is not { } id)
            throw new LlmException($"{where}: a tool's message needs the tool_call_id that it answers.");

        // The template gets the name from the call, so another one would be lost.
        if (message["name"] is { } name && (!calls.TryGetValue(id, out var called) || Text(name) != called))
            throw new LlmException($"{where}: no earlier tool call has the id '{id}' and the name {name.ToJsonString(CliJson.Options)}.");
        return new FunctionResultContent(id, string.Concat(Content(message, where).Select(part => part.Text)));
    }

    private static void AllowOnly(JsonObject value, string where, params string[] keys)
    {
        if (value.Select(pair => pair.Key).Except(keys).FirstOrDefault() is { } unknown)
            throw new LlmException($"{where}: '{unknown}' has no meaning here. Known: {string.Join(", ", keys)}.");
    }

    private static string? Text(JsonNode? node) => node is JsonValue value && value.TryGetValue(out string? text) ? text : null;
}
