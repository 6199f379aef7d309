using System.Text.Json;
using EmbeddedLlm.Chat;
using Microsoft.Extensions.AI;
using Scripted = EmbeddedLlm.Testing.ScriptedModel;

namespace EmbeddedLlm.Tests.Chat;

/// <summary>Answers whose beginning the request brings.</summary>
public sealed class AssistantPrefillTests
{
    private static CancellationToken Test => TestContext.Current.CancellationToken;

    private static Scripted Model(string rest, string? template = null) => new(_ => rest, new() { ChatTemplate = template });

    [Fact]
    public async Task GetResponseAsync_Prefill_StandsInThePromptAndNotInTheAnswer()
    {
        using var scripted = Model(" \"Ada\"}");
        var options = new ChatOptions().WithAssistantPrefill("{\"name\":");

        var response = await scripted.Client.GetResponseAsync("Who?", options, Test);
        var updates = await scripted.Client.GetStreamingResponseAsync("Who?", options, Test).ToListAsync(Test);

        Assert.Equal(" \"Ada\"}", response.Text);
        Assert.Equal(" \"Ada\"}", string.Concat(updates.Select(update => update.Text)));
        Assert.All(scripted.Prompts, prompt => Assert.EndsWith("<|im_start|>assistant\n{\"name\":", prompt, StringComparison.Ordinal));
        Assert.Equal(scripted.Model.Tokenizer.Encode(" \"Ada\"}", addSpecial: false).Length, response.Usage!.OutputTokenCount);
    }

    [Fact]
    public async Task GetResponseAsync_LastMessageOfTheAssistant_GoesOnOnlyIfAsked()
    {
        using var scripted = Model(" there.");
        ChatMessage[] history = [new(ChatRole.User, "Hi"), new(ChatRole.Assistant, "Hello")];

        await scripted.Client.GetResponseAsync(history, cancellationToken: Test);
        var response = await scripted.Client.GetResponseAsync(history, new ChatOptions().WithContinueFinalMessage(), Test);
        await scripted.Client.GetResponseAsync(history, new ChatOptions().WithContinueFinalMessage().WithAssistantPrefill(" my"), Test);

        Assert.EndsWith("assistant\nHello<|im_end|>\n<|im_start|>assistant\n", scripted.Prompts[0], StringComparison.Ordinal);
        Assert.EndsWith("user\nHi<|im_end|>\n<|im_start|>assistant\nHello", scripted.Prompts[1], StringComparison.Ordinal);
        Assert.EndsWith("user\nHi<|im_end|>\n<|im_start|>assistant\nHello my", scripted.Prompts[2], StringComparison.Ordinal);
        Assert.Equal(" there.", response.Text);
        Assert.Equal(2, history.Length);
    }

    [Fact]
    public async Task GetResponseAsync_NothingToGoOnFrom_IsRefused()
    {
        using var scripted = Model("");
        ChatMessage call = new(ChatRole.Assistant, [new FunctionCallContent("1", "f")]);

        Assert.Contains("'user'", (await Assert.ThrowsAsync<ArgumentException>(() => Ask(new ChatMessage(ChatRole.User, "Hi")))).Message, StringComparison.Ordinal);
        Assert.Contains("FunctionCallContent", (await Assert.ThrowsAsync<ArgumentException>(() => Ask(call))).Message, StringComparison.Ordinal);
        Assert.Contains("missing", (await Assert.ThrowsAsync<ArgumentException>(() => Ask())).Message, StringComparison.Ordinal);

        Task<ChatResponse> Ask(params ChatMessage[] messages) => scripted.Client.GetResponseAsync(messages, new ChatOptions().WithContinueFinalMessage(), Test);
    }

    [Fact]
    public async Task GetResponseAsync_PrefillThatOpensReasoning_GivesTheRestOfItAsReasoning()
    {
        using var scripted = Model("two.</think>Three.");

        var response = await scripted.Client.GetResponseAsync("Hi", new ChatOptions().WithAssistantPrefill("<think>One, "), Test);

        Assert.Equal("two.", Assert.IsType<TextReasoningContent>(response.Messages[0].Contents[0]).Text);
        Assert.Equal("Three.", response.Text);
        Assert.True(response.Usage!.ReasoningTokenCount > 0);
    }

    [Fact]
    public async Task GetResponseAsync_TemplateThatBeginsReasoning_TakesThePrefillAsPartOfIt()
    {
        using var reasons = Model("two.</think>Three.", ToolTemplates.Thinking);
        using var skips = Model("two.", ToolTemplates.Thinking);

        var thought = await reasons.Client.GetResponseAsync("Hi", new ChatOptions().WithAssistantPrefill("One, "), Test);
        var plain = await skips.Client.GetResponseAsync("Hi", new ChatOptions { Reasoning = new() { Effort = ReasoningEffort.None } }.WithAssistantPrefill("One, "), Test);

        Assert.Equal(("two.", "Three."), (thought.Messages[0].Contents.OfType<TextReasoningContent>().Single().Text, thought.Text));
        Assert.EndsWith("<think>\nOne, ", reasons.Prompts[0], StringComparison.Ordinal);
        Assert.Equal("two.", Assert.IsType<TextContent>(Assert.Single(plain.Messages[0].Contents)).Text);
        Assert.EndsWith("</think>\n\nOne, ", skips.Prompts[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task GetResponseAsync_PrefillThatOpensACall_GivesTheWholeCall()
    {
        using var scripted = Model("\"city\": \"Bern\"}}\n</tool_call>", ToolTemplates.Hermes);
        var options = new ChatOptions { Tools = [AIFunctionFactory.Create((string city) => city, "weather")] }
            .WithAssistantPrefill("Let me see.\n<tool_call>\n{\"name\": \"weather\", \"arguments\": {");

        var response = await scripted.Client.GetResponseAsync("Hi", options, Test);

        var call = Assert.IsType<FunctionCallContent>(Assert.Single(response.Messages[0].Contents));
        Assert.Equal(("weather", "Bern"), (call.Name, call.Arguments!["city"]!.ToString()));
        Assert.Equal(ChatFinishReason.ToolCalls, response.FinishReason);
    }

    [Fact]
    public async Task GetResponseAsync_Schema_GoesOnBehindThePrefill()
    {
        using var scripted = Model("I will not.");
        var options = new ChatOptions { ResponseFormat = ChatResponseFormat.ForJsonSchema<Dictionary<string, bool>>() };

        var response = await scripted.Client.GetResponseAsync("go", options.Clone().WithAssistantPrefill("{\"one\":true"), Test);
        var error = await Assert.ThrowsAsync<ArgumentException>(() => scripted.Client.GetResponseAsync("go", options.Clone().WithAssistantPrefill("{one"), Test));

        Assert.True(JsonSerializer.Deserialize<Dictionary<string, bool>>("{\"one\":true" + response.Text)!["one"]);
        Assert.Contains("prefill", error.Message, StringComparison.Ordinal);
    }
}
