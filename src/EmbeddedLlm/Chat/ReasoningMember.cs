using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using EmbeddedLlm.Chat.Templates;

namespace EmbeddedLlm.Chat;

/// <summary>The member of a message in which a template looks for earlier reasoning: <c>reasoning_content</c> for most, <c>reasoning</c> or <c>thinking</c> for some.</summary>
internal static partial class ReasoningMember
{
    /// <summary>The name that the messages bear which are made here.</summary>
    public const string Usual = "reasoning_content";

    private const string Harmony = "thinking";

    /// <summary>Gives the reasoning of messages the name that the template reads.</summary>
    public static void Adapt(JsonArray messages, ChatTemplate template)
    {
        var name = Of(template.Source);
        if (name == Usual)
            return;
        foreach (var message in messages.OfType<JsonObject>())
        {
            if (!message.Remove(Usual, out var reasoning))
                continue;
            // gpt-oss refuses calls with both: its text before a call is itself a thought.
            if (name == Harmony && message.ContainsKey("tool_calls") && message["content"]?.GetValue<string>() is { Length: > 0 })
                continue;
            message[name] = reasoning;
        }
    }

    private static string Of(string source)
    {
        if (source.Contains(Usual, StringComparison.Ordinal))
            return Usual;
        return Member().Match(source) is { Success: true } match ? match.Groups[1].Value : Usual;
    }

    // message.thinking, msg["reasoning"].
    [GeneratedRegex("""\b(?:message|msg)(?:\.|\[['"])(reasoning|thinking)\b""")]
    private static partial Regex Member();
}
