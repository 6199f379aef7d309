using System.Text.Json;
using EmbeddedLlm.Hosting;
using EmbeddedLlm.Testing;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Time.Testing;

namespace EmbeddedLlm.Tests.Testing;

public sealed class StubChatClientTests
{
    private static readonly JsonElement Person = JsonElement.Parse(
        """{"type":"object","properties":{"name":{"type":"string","minLength":6},"age":{"type":"integer","minimum":18},"born":{"type":"string","format":"date"},"tags":{"type":"array","items":{"enum":["a","b"]},"minItems":2},"boss":{"anyOf":[{"type":"null"},{"$ref":"#"}]}},"required":["name","age","born","tags","boss"]}""");

    [Fact]
    public async Task GetResponse_SeveralRules_TheFirstThatMatchesAnswers()
    {
        using var client = new StubChatClient();
        client.When("HI").Reply("hello");
        client.When(request => request.Options?.Temperature == 0).Reply("cold");
        client.Otherwise().Reply("what?");
        Assert.Equal("hello", await Ask(client, "oh hi there"));
        Assert.Equal("cold", await Ask(client, "x", new() { Temperature = 0 }));
        Assert.Equal("what?", await Ask(client, "x"));
        Assert.Equal(["oh hi there", "x", "x"], client.Requests.Select(request => request.UserText));
    }

    [Fact]
    public async Task GetResponse_Sequence_AnswersInOrder()
    {
        using var client = new StubChatClient();
        client.Next().Reply("one");
        client.Next().Reply("two").Then().Reply("three");
        client.Otherwise().Reply("rest").Then().Reply("rest again");
        string[] expected = ["one", "two", "three", "rest", "rest again", "rest again"];
        foreach (var answer in expected)
            Assert.Equal(answer, await Ask(client, "go"));
        client.AssertAllAnswersGiven();
    }

    [Fact]
    public async Task GetResponse_NoRuleMatches_SaysWhichRequestAndWhichRules()
    {
        using var client = new StubChatClient();
        client.When("hi").Reply("hello");
        var failure = await Assert.ThrowsAsync<StubAssertionException>(() => Ask(client, "bye"));
        Assert.Contains("user: \"bye\"", failure.Message, StringComparison.Ordinal);
        Assert.Contains("\"hi\" (used 0 times)", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task GetResponse_RuleWithoutAnswer_SaysSo()
    {
        using var client = new StubChatClient();
        client.Otherwise();
        Assert.Contains("has no answer", (await Assert.ThrowsAsync<StubAssertionException>(() => Ask(client, "x"))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Answer_ReasoningTextAndCall_ComeInOrderWithIdsUsageAndReason(bool isStreaming)
    {
        using var client = new StubChatClient("test-model");
        client.Otherwise().Reason("Let me see.").Reply("I will look.").Call("look", ("where", "there")).WithUsage(3, 4);
        var response = isStreaming
            ? (await client.GetStreamingResponseAsync("go").ToArrayAsync(TestContext.Current.CancellationToken)).ToChatResponse()
            : await client.GetResponseAsync("go", cancellationToken: TestContext.Current.CancellationToken);
        var message = Assert.Single(response.Messages);
        Assert.Equal([typeof(TextReasoningContent), typeof(TextContent), typeof(FunctionCallContent)], message.Contents.Select(content => content.GetType()));
        Assert.Equal("Let me see.", Assert.IsType<TextReasoningContent>(message.Contents[0]).Text);
        Assert.Equal("I will look.", response.Text);
        Assert.Equal("there", Assert.IsType<FunctionCallContent>(message.Contents[2]).Arguments!["where"]);
        Assert.Equal((ChatRole.Assistant, ChatFinishReason.ToolCalls, "test-model", 7L), (message.Role, response.FinishReason, response.ModelId, response.Usage!.TotalTokenCount));
        Assert.NotNull(response.ResponseId);
        Assert.Equal(isStreaming, client.Requests[0].IsStreaming);
    }

    [Fact]
    public async Task Stream_Text_ComesInWordsOrChunksThatJoinToIt()
    {
        using var client = new StubChatClient();
        client.Next().Reply("one two  three");
        client.Next().Reply("abcdefg").InChunksOf(3);
        Assert.Equal(["one", " two", "  three", ""], await Pieces(client));
        Assert.Equal(["abc", "def", "g", ""], await Pieces(client));
    }

    [Fact]
    public async Task Stream_FailureBehindText_BreaksInTheMiddle()
    {
        using var client = new StubChatClient();
        client.Otherwise().Reply("so far").Throw(new IOException("cut"));
        var seen = new List<string>();
        await Assert.ThrowsAsync<IOException>(async () =>
        {
            await foreach (var update in client.GetStreamingResponseAsync("go", cancellationToken: TestContext.Current.CancellationToken))
                seen.Add(update.Text);
        });
        Assert.Equal(["so", " far"], seen);
    }

    [Fact]
    public async Task Stream_Delays_FollowTheClockAndTheToken()
    {
        var time = new FakeTimeProvider();
        using var client = new StubChatClient(time: time);
        client.Otherwise().Reply("a b").After(TimeSpan.FromSeconds(5)).WithPauses(TimeSpan.FromSeconds(1));
        using var cancellation = new CancellationTokenSource();
        await using var updates = client.GetStreamingResponseAsync("go", cancellationToken: cancellation.Token).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        var first = updates.MoveNextAsync().AsTask();
        Assert.False(first.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(5));
        Assert.True(await first);
        var second = updates.MoveNextAsync().AsTask();
        Assert.False(second.IsCompleted);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
    }

    [Fact]
    public async Task ReplyJson_Schema_GivesWhatItAsksFor()
    {
        using var client = new StubChatClient();
        client.Otherwise().ReplyJson();
        var json = JsonElement.Parse(await Ask(client, "who?", new() { ResponseFormat = ChatResponseFormat.ForJsonSchema(Person) }));
        Assert.True(json.GetProperty("name").GetString()!.Length >= 6);
        Assert.True(json.GetProperty("age").GetInt32() >= 18);
        Assert.True(DateOnly.TryParse(json.GetProperty("born").GetString(), System.Globalization.CultureInfo.InvariantCulture, out _));
        Assert.Equal(2, json.GetProperty("tags").GetArrayLength());
        Assert.Equal(JsonValueKind.Null, json.GetProperty("boss").ValueKind);
    }

    [Theory]
    [InlineData("""{"type":"string","pattern":"^a$"}""", "pattern")]
    [InlineData("""{"type":"object","properties":{"next":{"$ref":"#"}},"required":["next"]}""", "without an end")]
    [InlineData("""{"$ref":"https://example.com/schema"}""", "https://example.com/schema")]
    [InlineData("false", "allows nothing")]
    [InlineData("""{"enum":[]}""", "enum is empty")]
    public async Task ReplyJson_SchemaBeyondIt_SaysWhy(string schema, string why)
    {
        using var client = new StubChatClient();
        client.Otherwise().ReplyJson();
        var options = new ChatOptions { ResponseFormat = ChatResponseFormat.ForJsonSchema(JsonElement.Parse(schema)) };
        Assert.Contains(why, (await Assert.ThrowsAsync<StubAssertionException>(() => Ask(client, "x", options))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Asserts_Unmet_ListWhatCame()
    {
        using var client = new StubChatClient();
        client.When("never").Reply("x").Then().Reply("y");
        client.Otherwise().Reply("ok");
        await Ask(client, "first");
        client.AssertReceived(1);
        client.AssertReceived("FIRST");
        Assert.Contains("Expected 2 requests; received 1:", Assert.Throws<StubAssertionException>(() => client.AssertReceived(2)).Message, StringComparison.Ordinal);
        Assert.Contains("user: \"first\"", Assert.Throws<StubAssertionException>(() => client.AssertReceived("second")).Message, StringComparison.Ordinal);
        Assert.Contains("request.IsStreaming", Assert.Throws<StubAssertionException>(() => client.AssertReceived(request => request.IsStreaming)).Message, StringComparison.Ordinal);
        Assert.Contains("2 of \"never\"", Assert.Throws<StubAssertionException>(client.AssertAllAnswersGiven).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Cancelled_BeforeTheAnswer_Throws()
    {
        using var client = new StubChatClient();
        client.Otherwise().Reply("x");
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => client.GetResponseAsync("x", cancellationToken: new CancellationToken(canceled: true)));
    }

    [Fact]
    public async Task AddKeyedStubChatClient_HostWithModelThatIsNotThere_StartsAndAnswers()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddEmbeddedLlm().AddModel("chat", model => (model.Path, model.LoadAtStart) = ("not-there.gguf", true));
        builder.Services.AddKeyedStubChatClient("chat", stub => stub.Otherwise().Reply("hello"));
        using var host = builder.Build();
        await host.StartAsync(TestContext.Current.CancellationToken);
        Assert.Equal("hello", await Ask(host.Services.GetRequiredKeyedService<IChatClient>("chat"), "x"));
        Assert.Equal("hello", await Ask(host.Services.GetRequiredService<IChatClient>(), "x"));      // the first model has no key too
        host.Services.GetRequiredKeyedService<StubChatClient>("chat").AssertReceived(2);
        await host.StopAsync(TestContext.Current.CancellationToken);
    }

    private static async Task<string> Ask(IChatClient client, string text, ChatOptions? options = null) =>
        (await client.GetResponseAsync(text, options, TestContext.Current.CancellationToken)).Text;

    private static ValueTask<string[]> Pieces(StubChatClient client) =>
        client.GetStreamingResponseAsync("go", cancellationToken: TestContext.Current.CancellationToken).Select(update => update.Text).ToArrayAsync(TestContext.Current.CancellationToken);
}
