using System.Text.Json.Nodes;
using EmbeddedLlm.Chat.Templates;

namespace EmbeddedLlm.Chat;

/// <summary>
/// The form in which a template takes messages with calls. Arguments are an object for most, for some a text with JSON in it; some look for
/// calls only where the content is none. Given the wrong form a template fails, leaves the call out, or writes what is no JSON. So the forms
/// are tried once, with a call whose argument can be found again.
/// </summary>
internal sealed class TemplateCalls(ChatTemplate template)
{
    private const string Key = "probe_key";
    private const string Value = "probe_value";

    private static readonly Form[] Forms =
    [
        new(TakesText: false, TakesNoContent: false),
        new(TakesText: true, TakesNoContent: false),
        new(TakesText: false, TakesNoContent: true),
        new(TakesText: true, TakesNoContent: true),
    ];

    private readonly Lazy<Form> _form = new(() => Array.Find(Forms, form => Writes(template, form)) ?? Forms[0]);

    private sealed record Form(bool TakesText, bool TakesNoContent);

    /// <summary>Gives messages the form that the template takes.</summary>
    public void Adapt(JsonArray messages)
    {
        foreach (var message in messages.OfType<JsonObject>().Where(message => message.ContainsKey("tool_calls")))
            Adapt(message, _form.Value);
    }

    private static void Adapt(JsonObject message, Form form)
    {
        if (form.TakesNoContent && message["content"]!.GetValue<string>().Length == 0)
            message["content"] = null;
        foreach (var function in ((JsonArray)message["tool_calls"]!).Select(call => call!["function"]!))
        {
            if (form.TakesText)
                function["arguments"] = TemplateMessages.ToText(function["arguments"]);
        }
    }

    // Whether the call stands in the text as JSON or with marks of the format, neither as Python would print it nor escaped twice.
    private static bool Writes(ChatTemplate template, Form form)
    {
        var call = new JsonObject
        {
            ["role"] = "assistant",
            ["content"] = "",
            ["tool_calls"] = new JsonArray(new JsonObject
            {
                ["id"] = "probe0000",
                ["type"] = "function",
                ["function"] = new JsonObject { ["name"] = "probe", ["arguments"] = new JsonObject { [Key] = Value } },
            }),
        };
        Adapt(call, form);
        // Not a collection expression: its Add<T> is not for trimmed apps.
        JsonArray messages = new(
            new JsonObject { ["role"] = "user", ["content"] = "?" },
            call,
            new JsonObject { ["role"] = "tool", ["name"] = "probe", ["tool_call_id"] = "probe0000", ["content"] = "?" });
        try
        {
            var text = template.Render(messages);
            return text.Contains(Value, StringComparison.Ordinal)
                && !text.Contains($"'{Key}'", StringComparison.Ordinal) && !text.Contains($"\\\"{Key}", StringComparison.Ordinal);
        }
        catch (JinjaException)
        {
            return false; // this form is not the one
        }
    }
}
