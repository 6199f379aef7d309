using System.Text.Json;
using Microsoft.Extensions.AI;
using static EmbeddedLlm.Chat.PropertyValues;

namespace EmbeddedLlm.Chat.Constraints;

/// <summary>What the text of an answer must be, as <see cref="ChatOptions"/> say it: by their response format, or by a key of their additional properties.</summary>
internal static class FormProperties
{
    // JSON, as OpenAI's interface means it: no bare string or number.
    private static readonly JsonElement AnyJson = JsonElement.Parse("""{"type":["object","array"]}""");

    private static readonly string[] Forms = [ChatOptionsExtensions.GrammarKey, ChatOptionsExtensions.RegexKey, ChatOptionsExtensions.ChoicesKey];

    /// <summary>Whether a key is one of these.</summary>
    public static bool Has(string key) => Forms.Append(ChatOptionsExtensions.JsonWhiteSpaceKey).Any(form => IsSame(form, key));

    /// <summary>The form; null for any text.</summary>
    /// <exception cref="ArgumentException">Two forms are asked for, or a value is of the wrong type.</exception>
    public static AnswerForm? Of(ChatOptions options)
    {
        AnswerForm? form = options.ResponseFormat is ChatResponseFormatJson json
            ? new AnswerForm.Schema(json.Schema ?? AnyJson, Find(options, ChatOptionsExtensions.JsonWhiteSpaceKey) is { } allows && Boolean(ChatOptionsExtensions.JsonWhiteSpaceKey, allows))
            : null;
        foreach (var key in Forms)
        {
            if (Find(options, key) is not { } value)
                continue;
            if (form is not null)
                throw new ArgumentException($"The answer cannot have the form of '{key}' and another one; ResponseFormat and the keys {string.Join(", ", Forms)} exclude each other.", nameof(options));
            form = key == ChatOptionsExtensions.GrammarKey ? new AnswerForm.Gbnf(Text(key, value))
                : key == ChatOptionsExtensions.RegexKey ? new AnswerForm.Regex(Text(key, value))
                : new AnswerForm.Choices(Texts(key, value));
        }

        return form;
    }

    // Case and underscores do not matter, as with the other settings.
    private static bool IsSame(string form, string key) =>
        form.Replace("_", "", StringComparison.Ordinal).Equals(key.Replace("_", "", StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase);

    private static object? Find(ChatOptions options, string form) => options.AdditionalProperties?.FirstOrDefault(property => IsSame(form, property.Key)).Value;
}
