using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Chat;

/// <summary>
/// Chat messages in the form that chat templates expect: <c>role</c> and <c>content</c>, <c>tool_calls</c> with arguments as an object,
/// and one <c>tool</c> message for each result.
/// </summary>
internal static class TemplateMessages
{
    // Results are read by a model: no indentation, and letters as they are.
    private static readonly JsonSerializerOptions Compact = new(AIJsonUtilities.DefaultOptions)
    {
        WriteIndented = false,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>JSON as a model reads it: on one line, letters as they are.</summary>
    public static string ToText(JsonNode? json) => json?.ToJsonString(Compact) ?? "null";

    /// <summary>
    /// Maps a history. Instructions become a system message in front of it; where it begins with one they join it, since many templates
    /// take one system message only.
    /// </summary>
    /// <exception cref="NotSupportedException">A message carries what the model cannot read, such as an image.</exception>
    /// <exception cref="ArgumentException">A message is null or has no role, or a tool's arguments or result cannot be written as JSON.</exception>
    public static JsonArray From(IEnumerable<ChatMessage> messages, string? instructions)
    {
        var mapped = new List<JsonNode?>();
        var toolNames = new Dictionary<string, string>(StringComparer.Ordinal); // call id → tool
        foreach (var message in messages)
        {
            if (message?.Role.Value is null)
                throw new ArgumentException(message is null ? "A message is null." : "A message has no role.", nameof(messages));
            Add(mapped, message, toolNames);
        }

        if (!string.IsNullOrEmpty(instructions))
        {
            if (mapped is [JsonObject first, ..] && first["role"]!.GetValue<string>() == ChatRole.System.Value)
                first["content"] = $"{instructions}\n\n{first["content"]!.GetValue<string>()}";
            else
                mapped.Insert(0, Message(ChatRole.System, instructions));
        }

        return new([.. mapped]);
    }

    private static void Add(List<JsonNode?> mapped, ChatMessage message, Dictionary<string, string> toolNames)
    {
        var text = new StringBuilder();
        var reasoning = new StringBuilder();
        var calls = new List<JsonNode?>();
        var results = 0;
        foreach (var content in message.Contents)
        {
            switch (content)
            {
                case TextContent part:
                    text.Append(part.Text);
                    break;
                case TextReasoningContent part:
                    reasoning.Append(part.Text);
                    break;
                case FunctionCallContent { InformationalOnly: true, Arguments: null }:
                    break; // a call that could not be made, and so has no result
                case FunctionCallContent call:
                    toolNames[call.CallId] = call.Name;
                    calls.Add(Call(call));
                    break;
                case FunctionResultContent result:
                    mapped.Add(Result(result, toolNames));
                    results++;
                    break;
                case DataContent data when data.HasTopLevelMediaType("text"):
                    text.Append(Encoding.UTF8.GetString(data.Data.Span));
                    break;
                case DataContent data:
                    throw Unreadable(data.MediaType);
                case UriContent uri:
                    throw Unreadable($"{uri.MediaType} at {uri.Uri}");
                case HostedFileContent or HostedVectorStoreContent:
                    throw Unreadable("a hosted file");
                default:
                    break; // usage, errors and other notes about a message are none of its words
            }
        }

        // A message that only brought tool results is said by them; an empty message stays one.
        if (results > 0 && text.Length == 0 && calls.Count == 0)
            return;

        var own = Message(message.Role, text.ToString());
        if (reasoning.Length > 0)
            own[ReasoningMember.Usual] = reasoning.ToString();
        if (calls.Count > 0)
            own["tool_calls"] = new JsonArray([.. calls]);
        mapped.Add(own);
    }

    private static JsonObject Message(ChatRole role, string content) => new() { ["role"] = role.Value, ["content"] = content };

    private static JsonObject Call(FunctionCallContent call)
    {
        var arguments = new JsonObject();
        foreach (var (name, value) in call.Arguments ?? new Dictionary<string, object?>())
            arguments[name] = ToJson(value, $"argument '{name}' of the call of '{call.Name}'");

        return new()
        {
            ["id"] = call.CallId,
            ["type"] = "function",
            ["function"] = new JsonObject { ["name"] = call.Name, ["arguments"] = arguments },
        };
    }

    private static JsonObject Result(FunctionResultContent result, Dictionary<string, string> toolNames)
    {
        var message = Message(ChatRole.Tool, result.Result switch
        {
            null => "",
            string text => text,
            JsonElement { ValueKind: JsonValueKind.String } text => text.GetString()!,
            var value => ToText(ToJson(value, $"result of the call '{result.CallId}'")),
        });
        message["tool_call_id"] = result.CallId;
        if (toolNames.TryGetValue(result.CallId, out var name))
            message["name"] = name;
        return message;
    }

    private static JsonNode? ToJson(object? value, string what)
    {
        try
        {
            return value switch
            {
                null => null,
                JsonNode node => node.DeepClone(),
                _ => JsonSerializer.SerializeToNode(value, Compact.GetTypeInfo(typeof(object))),
            };
        }
        catch (Exception exception) when (exception is JsonException or NotSupportedException or InvalidOperationException)
        {
            throw new ArgumentException($"The {what} cannot be written as JSON: {exception.Message}", exception);
        }
    }

    private static NotSupportedException Unreadable(string what) =>
        new($"The model reads text only; a message carries {what}.");
}
