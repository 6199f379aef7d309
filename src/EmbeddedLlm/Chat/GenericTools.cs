using System.Text.Json.Nodes;
using EmbeddedLlm.Chat.Syntax;

namespace EmbeddedLlm.Chat;

/// <summary>Tools for models whose template knows none: they are described in plain words, and calls and results become text of the messages.</summary>
internal static class GenericTools
{
    /// <summary>Rewrites messages so that they hold text alone.</summary>
    /// <param name="messages">The messages in the form of templates.</param>
    /// <param name="tools">The tools to describe; null for none.</param>
    /// <param name="hasToolRole">Whether the template writes messages of the role <c>tool</c>; else results come from the user.</param>
    public static JsonArray Rewrite(JsonArray messages, JsonArray? tools, bool hasToolRole)
    {
        var rewritten = new List<JsonObject>();
        JsonObject? results = null; // the message of the user that holds them
        foreach (var message in messages.Select(node => (JsonObject)node!.DeepClone()))
        {
            WriteCalls(message);
            if (hasToolRole || Role(message) != "tool")
            {
                results = null;
                rewritten.Add(message);
                continue;
            }

            // Templates that take no tools often want user and assistant to take turns: results that follow each other are one message.
            var text = $"<tool_response>\n{Content(message)}\n</tool_response>";
            if (results is null)
                rewritten.Add(results = new() { ["role"] = "user", ["content"] = text });
            else
                results["content"] = $"{Content(results)}\n{text}";
        }

        if (tools is not null)
            Describe(rewritten, tools);
        return new([.. rewritten]);
    }

    private static void WriteCalls(JsonObject message)
    {
        if (message["tool_calls"] is not JsonArray calls)
            return;
        message.Remove("tool_calls");
        var shape = ChatSyntaxes.Generic.Shape;
        var texts = calls.Select(call => call!["function"]!).Select(function =>
            $"{shape.Begin}{shape.BeforeName}{function["name"]}{shape.AfterName}{TemplateMessages.ToText(function["arguments"])}{shape.AfterArguments}{shape.End}");
        message["content"] = string.Join('\n', texts.Prepend(Content(message)).Where(text => text.Length > 0));
    }

    // Into the system message where there is one; else before the user's words, since not every template takes a system message.
    private static void Describe(List<JsonObject> messages, JsonArray tools)
    {
        var shape = ChatSyntaxes.Generic.Shape;
        var example = $"{shape.Begin}{shape.BeforeName}tool name{shape.AfterName}{{\"argument\": value}}{shape.AfterArguments}{shape.End}";
        var text = $"You can call these tools, given as JSON:\n{string.Join('\n', tools.Select(tool => TemplateMessages.ToText(tool!["function"])))}\n\n"
            + $"To call a tool, answer with this alone, once for each call, and wait for the result:\n{example}\nWhere no tool is needed, answer in plain text.";
        var first = messages.Find(message => Role(message) == "system") ?? messages.Find(message => Role(message) == "user");
        if (first is null)
            messages.Insert(0, new() { ["role"] = "user", ["content"] = text });
        else
            first["content"] = Role(first) == "system" ? $"{Content(first)}\n\n{text}" : $"{text}\n\n{Content(first)}";
    }

    private static string Role(JsonObject message) => message["role"]!.GetValue<string>();

    private static string Content(JsonObject message) => message["content"]!.GetValue<string>();
}
