using System.Text.Json;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;

namespace EmbeddedLlm.Tests.Chat;

/// <summary>Tools through the client of a scripted model.</summary>
public sealed class ToolCallTests
{
    private const string Call = "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Bern\", \"days\": 2}}\n</tool_call>";

    private static readonly ChatOptions Weather = new() { Tools = [AIFunctionFactory.Create((string city, int? days) => 1, "weather", "The weather.")] };

    private static CancellationToken Test => TestContext.Current.CancellationToken;

    private static ScriptedModel Model(string answer, Action<string>? prompts = null, string? template = ToolTemplates.Hermes, ILoggerFactory? logs = null) => ScriptedModel.Answering(
        prompt =>
        {
            prompts?.Invoke(prompt);
            return ScriptedModel.Tokenizer.Encode(answer, addSpecial: false, parseSpecial: true);
        },
        contextLength: 4096, template: template, logs: logs);

    private static Task<ChatResponse> Ask(ScriptedModel model, ChatOptions? options, params ChatMessage[] messages) =>
        model.Client.GetResponseAsync(messages.Length > 0 ? messages : [new(ChatRole.User, "Weather?")], options, Test);

    [Fact]
    public async Task GetStreamingResponseAsync_Call_ComesOnceAndWhole()
    {
        using var model = Model($"Let me see.\n{Call}");

        var updates = await model.Client.GetStreamingResponseAsync("Weather?", Weather, Test).ToListAsync(Test);

        var call = Assert.Single(updates.SelectMany(update => update.Contents).OfType<FunctionCallContent>());
        Assert.Equal("weather", call.Name);
        Assert.Equal(9, call.CallId.Length);
        Assert.Equal(("Bern", 2), (((JsonElement)call.Arguments!["city"]!).GetString(), ((JsonElement)call.Arguments["days"]!).GetInt32()));
        Assert.Equal("Let me see.", string.Concat(updates.Select(update => update.Text)));
        Assert.Equal(ChatFinishReason.ToolCalls, updates[^1].FinishReason);
        Assert.Single(updates.Select(update => update.MessageId).Distinct());
        Assert.Single(updates.SelectMany(update => update.Contents).OfType<UsageContent>());
    }

    [Fact]
    public async Task GetResponseAsync_TwoCalls_HaveIdsOfTheirOwn()
    {
        using var model = Model($"{Call}\n{Call}");

        var response = await Ask(model, Weather);

        var calls = response.Messages[0].Contents.OfType<FunctionCallContent>().ToArray();
        Assert.Equal(2, calls.Select(call => call.CallId).Distinct().Count());
        Assert.Equal("", response.Text);
    }

    [Fact]
    public async Task GetResponseAsync_OneCallAllowed_EndsWithTheFirst()
    {
        using var model = Model($"{Call}\n{Call}");
        var options = Weather.Clone();
        options.AllowMultipleToolCalls = false;

        var response = await Ask(model, options);

        Assert.Single(response.Messages[0].Contents.OfType<FunctionCallContent>());
        Assert.Equal(ChatFinishReason.ToolCalls, response.FinishReason);
        Assert.True(response.Usage!.OutputTokenCount < 2 * Call.Length);
    }

    [Fact]
    public async Task GetResponseAsync_Tools_AreDescribedByTheTemplate()
    {
        string? prompt = null;
        using var model = Model("Hello", text => prompt = text);

        await Ask(model, Weather);

        Assert.Contains("""[{"type": "function", "function": {"name": "weather", "description": "The weather.", "parameters": {"type": "object", "properties": {"city":""", prompt, StringComparison.Ordinal);
    }

    [Fact]
    public async Task GetResponseAsync_AnyDeclaration_IsATool()
    {
        string? prompt = null;
        using var model = Model("Hello", text => prompt = text);
        var schema = JsonDocument.Parse("""{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","additionalProperties":false}""").RootElement;

        await Ask(model, new() { Tools = [AIFunctionFactory.CreateDeclaration("declared", "", schema), new HostedWebSearchTool()] });

        Assert.Contains("\"declared\"", prompt, StringComparison.Ordinal);
        Assert.DoesNotContain("web_search", prompt, StringComparison.Ordinal);
    }

    [Fact]
    public async Task GetResponseAsync_ToolModeNone_OffersNoTools()
    {
        string? prompt = null;
        using var model = Model(Call, text => prompt = text);
        var options = Weather.Clone();
        options.ToolMode = ChatToolMode.None;

        var response = await Ask(model, options);

        Assert.DoesNotContain("Tools:", prompt, StringComparison.Ordinal);
        Assert.Equal(Call, response.Text); // without tools there are no calls, so it is text
        Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
    }

    [Fact]
    public async Task GetResponseAsync_MarksThatAreTokens_AreSeen()
    {
        using var model = Model("One moment.<|tool_call_start|>[weather(city=\"Bern\", days=2)]<|tool_call_end|>", template: ToolTemplates.Liquid);

        var response = await Ask(model, Weather);

        Assert.Equal("weather", Assert.Single(response.Messages[0].Contents.OfType<FunctionCallContent>()).Name);
        Assert.Equal("One moment.", response.Text);
    }

    [Fact]
    public async Task GetResponseAsync_CallCutByTheBudget_IsReportedAndNotToBeMade()
    {
        var logs = new FakeLoggerProvider();
        using var factory = LoggerFactory.Create(builder => builder.AddProvider(logs));
        using var model = Model($"Let me see.\n{Call}", logs: factory);
        var options = Weather.Clone();
        options.MaxOutputTokens = 70;

        var response = await Ask(model, options);

        var call = Assert.Single(response.Messages[0].Contents.OfType<FunctionCallContent>());
        Assert.Equal(("weather", true), (call.Name, call.InformationalOnly));
        Assert.Contains("ended within the call", call.Exception!.Message, StringComparison.Ordinal);
        Assert.StartsWith("{", Assert.IsType<string>(call.RawRepresentation), StringComparison.Ordinal);
        Assert.Equal(ChatFinishReason.Length, response.FinishReason);
        Assert.Equal("Let me see.", response.Text);
        Assert.Contains(logs.Collector.GetSnapshot(), record => record.Id.Id == 2024);

        // Sent back, it is no part of the conversation.
        string? prompt = null;
        using var again = Model("Hello", text => prompt = text);
        await Ask(again, Weather, [new(ChatRole.User, "Weather?"), .. response.Messages, new(ChatRole.User, "Again")]);
        Assert.DoesNotContain("<tool_call>", prompt, StringComparison.Ordinal);
    }

    [Fact]
    public async Task GetResponseAsync_WhatOnlyLooksLikeACall_StaysText()
    {
        const string Answer = "A call is written with the mark tool_call and JSON: {\"name\": \"get_weather\"}.";
        using var model = Model(Answer);

        var response = await Ask(model, Weather);

        Assert.Equal(Answer, response.Text);
        Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
    }

    [Fact]
    public async Task GetResponseAsync_History_IsWrittenByTheTemplate()
    {
        string? prompt = null;
        using var model = Model("Hello", text => prompt = text);

        await Ask(
            model, Weather,
            new(ChatRole.User, "Weather?"),
            new(ChatRole.Assistant, [new TextContent("One moment."), new FunctionCallContent("7", "weather", new Dictionary<string, object?> { ["city"] = "Bern" })]),
            new(ChatRole.Tool, [new FunctionResultContent("7", new { sky = "blue" })]));

        Assert.Contains("One moment.<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Bern\"}}\n</tool_call><|im_end|>", prompt, StringComparison.Ordinal);
        Assert.Contains("<|im_start|>tool\n{\"sky\":\"blue\"}<|im_end|>", prompt, StringComparison.Ordinal);
    }

    [Fact]
    public async Task GetResponseAsync_TemplateWithoutTools_GetsThemInWords()
    {
        string? prompt = null;
        using var model = Model(Call, text => prompt = text, template: null);

        var response = await Ask(
            model, Weather,
            new(ChatRole.System, "Be brief."),
            new(ChatRole.User, "Weather?"),
            new(ChatRole.Assistant, [new FunctionCallContent("7", "weather", new Dictionary<string, object?> { ["city"] = "Bern" })]),
            new(ChatRole.Tool, [new FunctionResultContent("7", "sunny")]));

        Assert.StartsWith("<|im_start|>system\nBe brief.\n\nYou can call these tools", prompt, StringComparison.Ordinal);
        Assert.Contains("{\"name\":\"weather\",\"description\":\"The weather.\"", prompt, StringComparison.Ordinal);
        Assert.Contains("<|im_start|>assistant\n<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\":\"Bern\"}}\n</tool_call><|im_end|>", prompt, StringComparison.Ordinal);
        Assert.Equal("weather", Assert.Single(response.Messages[0].Contents.OfType<FunctionCallContent>()).Name);
    }
}
