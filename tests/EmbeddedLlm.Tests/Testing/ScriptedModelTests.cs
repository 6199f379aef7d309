using EmbeddedLlm.Testing;
using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Tests.Testing;

public sealed class ScriptedModelTests
{
    [Fact]
    public async Task GetResponse_SamePromptTwice_GivesTheAnswersInOrder()
    {
        using var scripted = new ScriptedModel("first", "second");
        string[] expected = ["first", "second", "second"];
        foreach (var answer in expected)
            Assert.Equal(answer, (await scripted.Client.GetResponseAsync("go", cancellationToken: TestContext.Current.CancellationToken)).Text);
        Assert.Equal(3, scripted.Prompts.Count);
    }

    [Fact]
    public async Task GetResponse_ManyAtOnce_EachGetsItsOwn()
    {
        using var scripted = new ScriptedModel(prompt => "You said " + prompt.Split("<|im_end|>")[0].Split('\n')[1]);
        var answers = await Task.WhenAll(Enumerable.Range(0, 16).Select(async i =>
            (await scripted.Client.GetResponseAsync($"number {i}, and so on", new() { Temperature = 2 }, TestContext.Current.CancellationToken)).Text));
        Assert.Equal(Enumerable.Range(0, 16).Select(i => $"You said number {i}, and so on"), answers);
    }

    [Fact]
    public async Task GetResponse_Conversation_GoesOnBehindItsOwnAnswers()
    {
        using var scripted = new ScriptedModel("one", "two");
        List<ChatMessage> messages = [new(ChatRole.User, "a")];
        messages.AddMessages(await scripted.Client.GetResponseAsync(messages, cancellationToken: TestContext.Current.CancellationToken));
        messages.Add(new(ChatRole.User, "b"));
        var second = await scripted.Client.GetResponseAsync(messages, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(("two", ChatFinishReason.Stop), (second.Text, second.FinishReason));
        Assert.Contains("assistant\none<|im_end|>", scripted.Prompts[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task GetResponse_BudgetEndsInside_ReportsLength()
    {
        using var scripted = new ScriptedModel("a long answer that nobody hears to its end");
        var response = await scripted.Client.GetResponseAsync("go", new() { MaxOutputTokens = 4 }, TestContext.Current.CancellationToken);
        Assert.Equal((ChatFinishReason.Length, 4L), (response.FinishReason, response.Usage!.OutputTokenCount));
        Assert.StartsWith(response.Text, "a long answer that nobody hears to its end", StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{ "where" : "a  b",  "deep":[ ] }""", """{"where":"a  b","deep":[]}""")]
    [InlineData("""{"where":"a"}""", """{"where":"a","deep":[]}""")]
    [InlineData("""{"where":7,"deep":[1]}""", """{"where":"","deep":[]}""")]
    [InlineData("I will not.", """{"where":"","deep":[]}""")]
    public async Task GetResponse_ScriptThatTheSchemaDoesNotAllow_IsKeptAsFarAsItIsAllowed(string script, string answer)
    {
        var schema = System.Text.Json.JsonElement.Parse(
            """{"type":"object","properties":{"where":{"type":"string"},"deep":{"type":"array","items":{"$ref":"#"}}},"required":["where","deep"]}""");
        using var scripted = new ScriptedModel(script);
        var response = await scripted.Client.GetResponseAsync("go", new() { ResponseFormat = ChatResponseFormat.ForJsonSchema(schema) }, TestContext.Current.CancellationToken);
        Assert.Equal((answer, ChatFinishReason.Stop), (response.Text, response.FinishReason));
    }

    [Theory]
    [InlineData("""<tool_call>{"name":"look","arguments":{"where":"up"}}</tool_call>""")]
    [InlineData("<tool_call>\n{ \"name\": \"look\",\n  \"arguments\": {\"where\": \"up\"} }\n</tool_call>")]
    public async Task GetResponse_CallWithOtherWhiteSpaceThanTheModels_IsMadeInItsForm(string script)
    {
        using var scripted = new ScriptedModel(script);
        var response = await scripted.Client.GetResponseAsync("go", new() { Tools = [AIFunctionFactory.Create((string where) => where, "look")] }, TestContext.Current.CancellationToken);
        Assert.Equal("up", Assert.Single(response.Messages[0].Contents.OfType<FunctionCallContent>()).Arguments!["where"]!.ToString());
    }
}
