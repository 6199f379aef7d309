using System.Text.Json;
using EmbeddedLlm.Chat.Syntax;

namespace EmbeddedLlm.Tests.Chat.Syntax;

/// <summary>One case of golden/chat-parse: an answer, and the message that it should become.</summary>
internal sealed class GoldenAnswer
{
    private readonly JsonElement _row;

    private GoldenAnswer(int number, JsonElement row, string[] headers)
    {
        (Number, _row) = (number, row);
        var prompt = row.GetProperty("generation_prompt").GetString()!;
        Syntax = ChatSyntaxes.Of(File.ReadAllText(Golden.Path("templates", "templates", Template)));

        // A prompt that has begun the answer: what stands behind the header is part of the answer.
        var header = prompt;
        if (!row.GetProperty("add_generation_prompt").GetBoolean())
        {
            var reasoning = prompt.IndexOf(Syntax.ReasoningStart, StringComparison.Ordinal);
            header = headers.Where(prompt.StartsWith).MaxBy(one => one.Length) ?? prompt[..Math.Max(reasoning, 0)];
        }

        IsReasoning = Syntax.IsReasoning(header);
        Answer = prompt[header.Length..] + row.GetProperty("input").GetString();
        Tools = new(row.GetProperty("tools").EnumerateArray().Select(tool => (tool.GetProperty("name").GetString()!, Schema(tool))));
    }

    public int Number { get; }

    public string Template => Path.GetFileName(_row.GetProperty("template").GetString()!);

    public ChatSyntax Syntax { get; }

    public OfferedTools Tools { get; }

    public bool IsReasoning { get; }

    public string Answer { get; }

    public string Content => _row.GetProperty("expect").GetProperty("content").GetString()!;

    public string Reasoning => _row.GetProperty("expect").GetProperty("reasoning_content").GetString()!;

    public bool IsPartial => _row.GetProperty("is_partial").GetBoolean();

    public ToolCall[] Calls => [.. _row.GetProperty("expect").GetProperty("tool_calls").EnumerateArray().Select(call =>
        new ToolCall(call.GetProperty("name").GetString()!, call.GetProperty("arguments").GetString()!, call.GetProperty("id").GetString() is { Length: > 0 } id ? id : null))];

    /// <summary>All cases.</summary>
    public static GoldenAnswer[] All { get; } = Golden.IsPresent ? Read() : [];

    /// <summary>The answer, read in pieces: text, reasoning and calls.</summary>
    public (string Text, string Reasoning, ToolCall[] Calls) Parse(IEnumerable<string> pieces) => ParsedAnswer.Of(Syntax.CreateParser(IsReasoning, Tools), pieces);

    private static GoldenAnswer[] Read()
    {
        var rows = File.ReadLines(Golden.Path("chat-parse", "chat_parse.jsonl")).Where(line => line.Length > 0).Select(line => JsonDocument.Parse(line).RootElement).ToArray();
        var headers = rows.Where(row => row.GetProperty("add_generation_prompt").GetBoolean())
            .ToLookup(row => row.GetProperty("template").GetString(), row => row.GetProperty("generation_prompt").GetString()!);
        string[] all = [.. headers.SelectMany(one => one)];
        return [.. rows.Select((row, number) => new GoldenAnswer(number, row, [.. headers[row.GetProperty("template").GetString()].DefaultIfEmpty(all[0]).Concat(headers.Contains(row.GetProperty("template").GetString()) ? [] : all)]))];
    }

    private static JsonElement Schema(JsonElement tool) =>
        tool.GetProperty("parameters").GetString() is { Length: > 0 } schema ? JsonDocument.Parse(schema).RootElement : default;
}
