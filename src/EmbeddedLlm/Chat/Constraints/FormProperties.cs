using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Chat.Constraints;

/// <summary>What the text of an answer must be, as <see cref="ChatOptions"/> say it: by their response format, or by a key of their additional properties.</summary>
internal static class FormProperties
{
    // JSON, as OpenAI's interface means it: no bare string or number.
    private static readonly JsonElement AnyJson = JsonElement.Parse("""{"type":["object","array"]}""");

    private static readonly string[] Forms = [ChatOptionsExtensions.GrammarKey, ChatOptionsExtensions.RegexKey, ChatOptionsExtensions.ChoicesKey];

    /// <summary>Whether a key is one of these.</summary>
    public static bool Has(string key) => key == ChatOptionsExtensions.JsonWhiteSpaceKey || Forms.Contains(key);

    /// <summary>The form; null for any text.</summary>
    /// <exception cref="ArgumentException">Two forms are asked for, or a value is of the wrong type.</exception>
    public static AnswerForm? Of(ChatOptions options)
    {
        AnswerForm? form = options.ResponseFormat is ChatResponseFormatJson json
            ? new AnswerForm.Schema(json.Schema ?? AnyJson, IsSet(options, ChatOptionsExtensions.JsonWhiteSpaceKey))
            : null;
        foreach (var key in Forms)
        {
            if (options.AdditionalProperties?.GetValueOrDefault(key) is not { } value)
                continue;
            if (form is not null)
                throw new ArgumentException($"The answer cannot have the form of '{key}' and another one; ResponseFormat and the keys {string.Join(", ", Forms)} exclude each other.", nameof(options));
            form = key == ChatOptionsExtensions.GrammarKey ? new AnswerForm.Gbnf(Text(key, value))
                : key == ChatOptionsExtensions.RegexKey ? new AnswerForm.Regex(Text(key, value))
                : new AnswerForm.Choices(Texts(key, value));
        }

        return form;
    }

    private static bool IsSet(ChatOptions options, string key) => options.AdditionalProperties?.GetValueOrDefault(key) switch
    {
        null => false,
        bool value => value,
        JsonElement { ValueKind: JsonValueKind.True or JsonValueKind.False } value => value.GetBoolean(),
        JsonValue value when value.GetValueKind() is JsonValueKind.True or JsonValueKind.False => value.GetValue<bool>(),
        var other => throw Wrong(key, other, "true or false"),
    };

    private static string Text(string key, object value) => value switch
    {
        string text => text,
        JsonElement { ValueKind: JsonValueKind.String } text => text.GetString()!,
        JsonValue text when text.GetValueKind() == JsonValueKind.String => text.GetValue<string>(),
        _ => throw Wrong(key, value, "a text"),
    };

    private static string[] Texts(string key, object value) => value switch
    {
        IEnumerable<string> texts => [.. texts],
        JsonElement { ValueKind: JsonValueKind.Array } texts => [.. texts.EnumerateArray().Select(text => Text(key, text))],
        JsonArray texts => [.. texts.Select(text => Text(key, text ?? throw Wrong(key, value, "a list of texts")))],
        _ => throw Wrong(key, value, "a list of texts"),
    };

    private static ArgumentException Wrong(string key, object value, string expected) => new($"'{key}' must be {expected}; it is a {value.GetType().Name}.", key);
}
