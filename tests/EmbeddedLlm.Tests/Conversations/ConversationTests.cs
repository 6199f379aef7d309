using EmbeddedLlm.Chat;
using EmbeddedLlm.Conversations;
using EmbeddedLlm.Tests.Chat;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;

namespace EmbeddedLlm.Tests.Conversations;

public sealed class ConversationTests
{
    private const string CallOfWeather = """
        Let me see.
        <tool_call>
        {"name": "weather", "arguments": {"city": "Bern"}}
        </tool_call>
        """;

    private static CancellationToken Test => TestContext.Current.CancellationToken;

    private static ChatMessage[] User(string text) => [new(ChatRole.User, text)];

    // Answers "Hello world" to everything, and notes the prompts.
    private static ScriptedModel Model(List<string>? prompts = null, ConversationOptions? options = null, ILoggerFactory? logs = null, int contextLength = 512, int[]? answer = null) => ScriptedModel.Answering(
        prompt =>
        {
            if (prompts is not null && (prompts.Count == 0 || prompts[^1] != prompt))
                prompts.Add(prompt);
            return answer ?? ScriptedModel.Tokens("Hello", " world");
        },
        contextLength, logs: logs, conversations: options ?? new());

    private static Task<ChatResponse> Ask(ScriptedModel model, string id, string text) => model.Client.GetResponseAsync(User(text), new() { ConversationId = id }, Test);

    private static string[] Texts(ScriptedModel model, string id) => [.. model.Model.Conversations!.GetMessages(id).Select(message => $"{message.Role}: {message.Text}")];

    [Fact]
    public async Task GetResponseAsync_ConversationsAreOff_ThrowsAndSaysHowToTurnThemOn()
    {
        using var model = ScriptedModel.Answering("Hello");
        var failure = await Assert.ThrowsAsync<NotSupportedException>(() => Ask(model, "1", "Hi"));
        Assert.Contains("LlmOptions.Conversations", failure.Message, StringComparison.Ordinal);
        Assert.Null(model.Model.Conversations);
        Assert.Null(model.Client.GetService<IConversations>());
    }

    [Fact]
    public async Task GetResponseAsync_WithoutAnId_KeepsNothing()
    {
        using var model = Model();
        Assert.Null((await model.Client.GetResponseAsync(User("Hi"), cancellationToken: Test)).ConversationId);
    }

    [Fact]
    public async Task GetResponseAsync_NewMessagesAlone_AreAnsweredBehindAllBefore()
    {
        var prompts = new List<string>();
        using var model = Model(prompts, answer: ScriptedModel.Tokenizer.Encode("Hello world", addSpecial: false)); // as it is read again
        var id = model.Client.GetService<IConversations>()!.Create([new(ChatRole.System, "Be kind.")]);

        var first = await Ask(model, id, "One");
        var second = await Ask(model, id, "Two");

        Assert.Equal((id, id), (first.ConversationId, second.ConversationId));
        Assert.Equal(
            "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nOne<|im_end|>\n<|im_start|>assistant\nHello world<|im_end|>\n" +
            "<|im_start|>user\nTwo<|im_end|>\n<|im_start|>assistant\n",
            prompts[^1]);
        Assert.Equal(["system: Be kind.", "user: One", "assistant: Hello world", "user: Two", "assistant: Hello world"], Texts(model, id));

        // What the first turn computed, its answer included, is not computed again.
        Assert.Equal(first.Usage!.TotalTokenCount, second.Usage!.CachedInputTokenCount);
    }

    [Fact]
    public async Task GetStreamingResponseAsync_EveryUpdate_CarriesTheId()
    {
        using var model = Model();
        var id = model.Model.Conversations!.Create();
        var updates = await model.Client.GetStreamingResponseAsync(User("Hi"), new() { ConversationId = id }, Test).ToListAsync(Test);
        Assert.All(updates, update => Assert.Equal(id, update.ConversationId));
        Assert.Equal(["user: Hi", "assistant: Hello world"], Texts(model, id));
        Assert.Equal(updates[0].MessageId, model.Model.Conversations!.GetMessages(id)[^1].MessageId);
    }

    [Fact]
    public async Task GetResponseAsync_Instructions_BelongToTheRequest()
    {
        var prompts = new List<string>();
        using var model = Model(prompts);
        var id = model.Model.Conversations!.Create();

        await model.Client.GetResponseAsync(User("One"), new() { ConversationId = id, Instructions = "Be brief." }, Test);
        await Ask(model, id, "Two");

        Assert.StartsWith("<|im_start|>system\nBe brief.", prompts[0], StringComparison.Ordinal);
        Assert.DoesNotContain("Be brief.", prompts[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task GetResponseAsync_AnAnswerThatWasBegun_IsKeptAsOneMessage()
    {
        using var model = Model(answer: ScriptedModel.Tokenizer.Encode("Oh! Hello", addSpecial: false));
        var id = model.Model.Conversations!.Create();
        await model.Client.GetResponseAsync(User("Hi"), new ChatOptions { ConversationId = id, MaxOutputTokens = 2 }.WithAssistantPrefill("Oh! "), Test);
        Assert.Equal(["user: Hi", "assistant: Oh! He"], Texts(model, id));

        await model.Client.GetResponseAsync([], new ChatOptions { ConversationId = id }.WithContinueFinalMessage(), Test);
        Assert.Equal(["user: Hi", "assistant: Oh! Hello"], Texts(model, id));
    }

    [Fact]
    public async Task GetResponseAsync_ContextOverflow_LeavesTurnsOutOfThePromptAndKeepsThem()
    {
        var prompts = new List<string>();
        using var model = Model(prompts, contextLength: 128);
        var id = model.Model.Conversations!.Create();
        var options = new ChatOptions { ConversationId = id, MaxOutputTokens = 10 }.WithContextOverflow(ContextOverflow.DropOldestTurns);
        for (var i = 0; i < 4; i++)
            await model.Client.GetResponseAsync(User($"Question {i}"), options, Test);

        Assert.DoesNotContain("Question 0", prompts[^1], StringComparison.Ordinal);
        Assert.Equal(8, model.Model.Conversations!.GetMessages(id).Count);
    }

    [Fact]
    public async Task GetResponseAsync_AnswerCutAtALimit_IsKept()
    {
        using var model = Model();
        var id = model.Model.Conversations!.Create();
        var response = await model.Client.GetResponseAsync(User("Hi"), new() { ConversationId = id, MaxOutputTokens = 1 }, Test);
        Assert.Equal(ChatFinishReason.Length, response.FinishReason);
        Assert.Equal(["user: Hi", "assistant: Hello"], Texts(model, id));
    }

    [Fact]
    public async Task GetStreamingResponseAsync_LeftCancelledOrFailed_LeavesTheConversationAsItWas()
    {
        using var model = Model(contextLength: 128);
        var id = model.Model.Conversations!.Create();
        await Ask(model, id, "One");
        var before = Texts(model, id);

        await foreach (var _ in model.Client.GetStreamingResponseAsync(User("Left"), new() { ConversationId = id }, Test))
            break;
        Assert.Equal(before, Texts(model, id));

        using var cancel = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var _ in model.Client.GetStreamingResponseAsync(User("Cancelled"), new() { ConversationId = id }, cancel.Token))
                await cancel.CancelAsync();
        });
        Assert.Equal(before, Texts(model, id));

        await Assert.ThrowsAsync<ContextFullException>(() => Ask(model, id, new string('x', 200)));
        await Assert.ThrowsAsync<NotSupportedException>(() => model.Client.GetResponseAsync(
            [new(ChatRole.User, [new DataContent(new byte[1], "image/png")])], new() { ConversationId = id }, Test));
        await Assert.ThrowsAsync<ArgumentException>(() => model.Client.GetResponseAsync([null!], new() { ConversationId = id }, Test));
        Assert.Equal(before, Texts(model, id));

        await Ask(model, id, "Two");
        Assert.Equal([.. before, "user: Two", "assistant: Hello world"], Texts(model, id));
    }

    [Fact]
    public async Task GetStreamingResponseAsync_TwoAtOnce_TheSecondIsRefused()
    {
        using var model = Model();
        var id = model.Model.Conversations!.Create();
        await using (var first = model.Client.GetStreamingResponseAsync(User("One"), new() { ConversationId = id }, Test).GetAsyncEnumerator(Test))
        {
            Assert.True(await first.MoveNextAsync());
            Assert.Equal(ConversationProblem.Busy, (await Assert.ThrowsAsync<ConversationException>(() => Ask(model, id, "Two"))).Problem);

            // Whoever heard the end may go on, though the first stream is still there.
            while (first.Current.FinishReason is null)
                Assert.True(await first.MoveNextAsync());
            await Ask(model, id, "Three");
        }

        Assert.Equal(["user: One", "assistant: Hello world", "user: Three", "assistant: Hello world"], Texts(model, id));
    }

    [Fact]
    public async Task GetResponseAsync_OtherConversationsAtTheSameTime_AreAnswered()
    {
        using var model = Model();
        var ids = Enumerable.Range(0, 8).Select(_ => model.Model.Conversations!.Create()).ToArray();
        await Task.WhenAll(ids.Select((id, i) => Ask(model, id, $"{i}")));
        Assert.All(ids.Index(), id => Assert.Equal([$"user: {id.Index}", "assistant: Hello world"], Texts(model, id.Item)));
    }

    [Fact]
    public async Task GetResponseAsync_UnknownId_IsRefusedByName()
    {
        using var model = Model();
        var failure = await Assert.ThrowsAsync<ConversationException>(() => Ask(model, "42", "Hi"));
        Assert.Equal(ConversationProblem.Unknown, failure.Problem);
        Assert.Contains("'42'", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Create_MoreThanMaxCount_DropsTheLongestUnused()
    {
        using var logs = new FakeLoggerProvider();
        using var factory = LoggerFactory.Create(builder => builder.AddProvider(logs));
        using var model = Model(options: new() { MaxCount = 2 }, logs: factory);
        var conversations = model.Model.Conversations!;
        var (first, second) = (conversations.Create(), conversations.Create());
        await Ask(model, first, "Hi");

        var third = conversations.Create();

        Assert.Equal(ConversationProblem.Unknown, Assert.Throws<ConversationException>(() => conversations.GetMessages(second)).Problem);
        Assert.Equal([2, 0], new[] { first, third }.Select(id => conversations.GetMessages(id).Count));
        Assert.Single(logs.Collector.GetSnapshot(), record => record.Id.Id == 2035);
    }

    [Fact]
    public async Task Create_WhileOthersAnswer_DropsNoneOfThem()
    {
        using var model = Model(options: new() { MaxCount = 1 });
        var conversations = model.Model.Conversations!;
        var id = conversations.Create();
        await using (var stream = model.Client.GetStreamingResponseAsync(User("Hi"), new() { ConversationId = id }, Test).GetAsyncEnumerator(Test))
        {
            await stream.MoveNextAsync();
            Assert.Equal(ConversationProblem.Busy, Assert.Throws<ConversationException>(() => conversations.Create()).Problem);
        }

        Assert.NotEqual(id, conversations.Create());
    }

    [Fact]
    public async Task GetResponseAsync_MoreThanMaxMessages_IsRefused()
    {
        using var model = Model(options: new() { MaxMessages = 3 });
        var conversations = model.Model.Conversations!;
        var id = conversations.Create();
        await Ask(model, id, "One");

        var failure = await Assert.ThrowsAsync<ConversationException>(() => Ask(model, id, "Two"));

        Assert.Equal(ConversationProblem.Full, failure.Problem);
        Assert.Equal(2, conversations.GetMessages(id).Count);
        Assert.Equal(ConversationProblem.Full, Assert.Throws<ConversationException>(() => conversations.Create([.. User("1"), .. User("2"), .. User("3"), .. User("4")])).Problem);
    }

    [Fact]
    public async Task Remove_WhileItAnswers_TheAnswerStillComes()
    {
        using var model = Model();
        var conversations = model.Model.Conversations!;
        var id = conversations.Create();
        var text = "";
        await foreach (var update in model.Client.GetStreamingResponseAsync(User("Hi"), new() { ConversationId = id }, Test))
        {
            text += update.Text;
            conversations.Remove(id);
        }

        Assert.Equal("Hello world", text);
        Assert.False(conversations.Remove(id));
        Assert.Throws<ConversationException>(() => conversations.GetMessages(id));
    }

    [Fact]
    public async Task Messages_ChangedByTheCaller_StayAsTheyWere()
    {
        using var model = Model();
        var conversations = model.Model.Conversations!;
        var system = new ChatMessage(ChatRole.System, "Be kind.");
        var user = new ChatMessage(ChatRole.User, "Hi");
        var id = conversations.Create([system]);
        await model.Client.GetResponseAsync([user], new() { ConversationId = id }, Test);

        system.Contents.Clear();
        user.Contents.Add(new TextContent("!"));
        conversations.GetMessages(id)[0].Contents.Clear();

        Assert.Equal(["system: Be kind.", "user: Hi", "assistant: Hello world"], Texts(model, id));
        Assert.Throws<ArgumentException>(() => conversations.Create([null!]));
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task UseFunctionInvocation_CallsAndResults_AreKept(bool streams)
    {
        var prompts = new List<string>();
        using var model = ScriptedModel.Answering(
            prompt =>
            {
                prompts.Add(prompt);
                return ScriptedModel.Tokens(prompt.Contains("sunny in Bern", StringComparison.Ordinal) ? "It is sunny." : CallOfWeather);
            },
            contextLength: 4096, template: ToolTemplates.Hermes, conversations: new());
        using var client = model.Client.AsBuilder().UseFunctionInvocation().Build();
        var id = client.GetService<IConversations>()!.Create();
        var options = new ChatOptions { ConversationId = id, Tools = [AIFunctionFactory.Create((string city) => $"sunny in {city}", "weather", "The weather.")] };

        var response = streams
            ? await client.GetStreamingResponseAsync("Weather?", options, Test).ToChatResponseAsync(Test)
            : await client.GetResponseAsync("Weather?", options, Test);

        Assert.Equal(id, response.ConversationId);
        Assert.EndsWith("It is sunny.", response.Text, StringComparison.Ordinal);
        var kept = model.Model.Conversations!.GetMessages(id);
        Assert.Equal([ChatRole.User, ChatRole.Assistant, ChatRole.Tool, ChatRole.Assistant], kept.Select(message => message.Role));
        var call = Assert.Single(kept[1].Contents.OfType<FunctionCallContent>());
        Assert.Equal(call.CallId, Assert.Single(kept[2].Contents.OfType<FunctionResultContent>()).CallId);
        Assert.Equal("It is sunny.", kept[3].Text);

        await client.GetResponseAsync("And?", options, Test);
        Assert.Equal(1, prompts[^1].Split("Weather?").Length - 1);
        Assert.Contains("<|im_start|>tool\nsunny in Bern<|im_end|>", prompts[^1], StringComparison.Ordinal);
        Assert.Equal(6, model.Model.Conversations!.GetMessages(id).Count);
    }
}
