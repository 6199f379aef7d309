#pragma warning disable MEAI001 // reducers are experimental
using EmbeddedLlm.Tokenization;
using Microsoft.Extensions.AI;
using Scripted = EmbeddedLlm.Testing.ScriptedModel;

namespace EmbeddedLlm.Tests.Chat.Contract.Scenarios;

/// <summary>The client under chat reducers, which summarize or cut a history before it is asked.</summary>
public sealed class ReducerScenarioTests
{
    private const string Summary = "Ada lives in Bern.";

    // Anew each time, since reducers write their summaries into the messages.
    private static ChatMessage[] History =>
    [
        new(ChatRole.User, "I am Ada."),
        new(ChatRole.Assistant, "Hello Ada."),
        new(ChatRole.User, "I live in Bern."),
        new(ChatRole.Assistant, "Nice."),
        new(ChatRole.User, "Where do I live?"),
    ];

    private static CancellationToken Test => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task SummarizingChatReducer_PreservesConversationContext(bool streams)
    {
        using var scripted = Summing();

        var response = await Reducing(scripted, new SummarizingChatReducer(scripted.Client, targetCount: 2, threshold: 0)).AskAsync(streams, History);

        Assert.Equal("In Bern.", response.Text);
        Assert.Equal(2, scripted.Prompts.Count);
        Assert.DoesNotContain("I am Ada", scripted.Prompts[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task SummarizingChatReducer_PreservesSystemMessage()
    {
        using var scripted = Summing();

        var response = await Reducing(scripted, new SummarizingChatReducer(scripted.Client, targetCount: 2, threshold: 0)).AskAsync(streams: false, [new(ChatRole.System, "You are a pirate."), .. History]);

        Assert.Equal("In Bern.", response.Text);
        Assert.StartsWith("<|im_start|>system\nYou are a pirate.", scripted.Prompts[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task SummarizingChatReducer_WithFunctionCalls_LeavesThemWhole()
    {
        using var scripted = Summing();
        ChatMessage[] history =
        [
            .. History,
            new(ChatRole.Assistant, [new FunctionCallContent("1", "look_up", new Dictionary<string, object?> { ["name"] = "Ada" })]),
            new(ChatRole.Tool, [new FunctionResultContent("1", "Kramgasse 1")]),
        ];

        var response = await Reducing(scripted, new SummarizingChatReducer(scripted.Client, targetCount: 3, threshold: 0))
            .AskAsync(streams: false, history, new() { Tools = [AIFunctionFactory.Create((string name) => name, "look_up")] });

        Assert.Equal("In Bern.", response.Text);
        Assert.Contains("Kramgasse 1", scripted.Prompts[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task SummarizingChatReducer_CustomPrompt_IsAsked()
    {
        using var scripted = Summing("Put it in a nutshell");
        var reducer = new SummarizingChatReducer(scripted.Client, targetCount: 2, threshold: 0) { SummarizationPrompt = "Put it in a nutshell." };

        var response = await Reducing(scripted, reducer).AskAsync(streams: false, History);

        Assert.Equal("In Bern.", response.Text);
        Assert.Contains("Put it in a nutshell.", scripted.Prompts[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Reduction_LimitsMessagesBasedOnTokenLimit(bool streams)
    {
        using var scripted = new Scripted("Yes.");
        var client = scripted.Client;
        var reducer = new LastTokens(client.GetService<Tokenizer>()!, limit: 40);

        var response = await Reducing(scripted, reducer).AskAsync(streams, Enumerable.Range(0, 20).Select(i => new ChatMessage(ChatRole.User, $"The message of number {i}.")));

        Assert.Equal("Yes.", response.Text);
        Assert.Contains("number 19.", scripted.Prompts[0], StringComparison.Ordinal);
        Assert.DoesNotContain("number 10.", scripted.Prompts[0], StringComparison.Ordinal);
        Assert.True(response.Usage!.InputTokenCount < 100);
    }

    [Fact]
    public async Task MessageCountingChatReducer_LongHistory_KeepsTheLast()
    {
        using var scripted = new Scripted("Yes.");

        var response = await Reducing(scripted, new MessageCountingChatReducer(1)).GetResponseAsync(History, cancellationToken: Test);

        Assert.Equal("Yes.", response.Text);
        Assert.StartsWith("<|im_start|>user\nWhere do I live?", scripted.Prompts[0], StringComparison.Ordinal);
    }

    // Asked to summarize, it does; asked with the summary, it knows the answer.
    private static Scripted Summing(string asked = "summary") => new(prompt =>
        prompt.Contains(Summary, StringComparison.Ordinal) ? "In Bern."
        : prompt.Contains(asked, StringComparison.OrdinalIgnoreCase) ? Summary
        : "I do not know.");

    private static IChatClient Reducing(Scripted scripted, IChatReducer reducer) => scripted.Client.AsBuilder().UseChatReducer(reducer).Build();

    /// <summary>Keeps the last messages that fit into so many tokens.</summary>
    private sealed class LastTokens(Tokenizer tokenizer, int limit) : IChatReducer
    {
        public Task<IEnumerable<ChatMessage>> ReduceAsync(IEnumerable<ChatMessage> messages, CancellationToken cancellationToken)
        {
            var tokens = 0;
            return Task.FromResult<IEnumerable<ChatMessage>>([.. messages.Reverse().TakeWhile(message => (tokens += tokenizer.Encode(message.Text).Length) <= limit).Reverse()]);
        }
    }
}
