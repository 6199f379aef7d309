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
}
