using EmbeddedLlm.Chat;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;

namespace EmbeddedLlm.Tests.Chat;

/// <summary>Histories that are too long for a context of 512 tokens, one for each letter.</summary>
public sealed class ContextOverflowTests
{
    private readonly FakeLogCollector _events = new();
    private readonly List<string> _prompts = [];

    private static CancellationToken Test => TestContext.Current.CancellationToken;

    private ScriptedModel Model(int contextLength = 512) => ScriptedModel.Answering(
        prompt =>
        {
            _prompts.Add(prompt);
            return ScriptedModel.Tokens("Hello");
        },
        contextLength, logs: LoggerFactory.Create(builder => builder.AddProvider(new FakeLoggerProvider(_events)).SetMinimumLevel(LogLevel.Debug)));

    private IEnumerable<FakeLogRecord> Drops => _events.GetSnapshot().Where(record => record.Id.Id == 2034);

    private static ChatMessage User(int number) => new(ChatRole.User, $"question {number} {new string('q', 40)}");

    private static ChatMessage Assistant(int number) => new(ChatRole.Assistant, $"answer {number} {new string('a', 40)}");

    private static List<ChatMessage> History(int turns) =>
        [new(ChatRole.System, "Be kind."), .. Enumerable.Range(1, turns - 1).SelectMany(i => new[] { User(i), Assistant(i) }), User(turns)];

    [Fact]
    public async Task GetResponseAsync_Default_Throws()
    {
        using var model = Model();

        await Assert.ThrowsAsync<ContextFullException>(() => model.Client.GetResponseAsync(History(10), cancellationToken: Test));
        await Assert.ThrowsAsync<ContextFullException>(() => model.Client.GetResponseAsync(History(10), new ChatOptions().WithContextOverflow(ContextOverflow.Error), Test));
    }

    [Theory]
    [InlineData(ContextOverflow.DropOldestTurns)]
    [InlineData(ContextOverflow.KeepSystem)]
    public async Task GetResponseAsync_TooLong_LeavesOutAsFewTurnsAsItMust(ContextOverflow overflow)
    {
        using var model = Model();
        var history = History(20);
        var before = history.ToArray();
        var options = new ChatOptions { MaxOutputTokens = 50, Instructions = "Be brief." }.WithContextOverflow(overflow);

        var response = await model.Client.GetResponseAsync(history, options, Test);
        var updates = await model.Client.GetStreamingResponseAsync(history, options, Test).ToListAsync(Test);

        var prompt = Assert.Single(_prompts.Distinct());
        Assert.Equal(overflow == ContextOverflow.KeepSystem, prompt.StartsWith("<|im_start|>system\nBe brief.\n\nBe kind.", StringComparison.Ordinal));
        Assert.Equal(overflow == ContextOverflow.KeepSystem, prompt.Contains("Be kind.", StringComparison.Ordinal));
        var first = Enumerable.Range(1, 20).First(i => prompt.Contains($"question {i} ", StringComparison.Ordinal));
        Assert.InRange(first, 2, 19);
        Assert.All(Enumerable.Range(first, 20 - first), i => Assert.Contains($"question {i} ", prompt, StringComparison.Ordinal));
        Assert.All(Enumerable.Range(first, 19 - first), i => Assert.Contains($"answer {i} ", prompt, StringComparison.Ordinal));
        Assert.DoesNotContain($"answer {first - 1} ", prompt, StringComparison.Ordinal);

        // One turn more would not have left room for the answer.
        var turn = ScriptedModel.Tokenizer.Encode($"<|im_start|>user\n{User(first - 1).Text}<|im_end|>\n<|im_start|>assistant\n{Assistant(first - 1).Text}<|im_end|>\n").Length;
        Assert.InRange(response.Usage!.InputTokenCount!.Value, 512 - 50 - turn + 1, 512 - 50);

        var dropped = (2 * (first - 1)) + (overflow == ContextOverflow.KeepSystem ? 0 : 2); // the system message and the instructions
        Assert.Equal(dropped, response.GetDroppedMessages());
        Assert.Equal(dropped, response.AdditionalProperties!["dropped_messages"]);
        Assert.Equal(dropped, updates[^1].GetDroppedMessages());
        Assert.Equal(dropped, updates.ToChatResponse().GetDroppedMessages());
        Assert.All(Drops, drop => Assert.Equal((LogLevel.Information, $"{dropped}"), (drop.Level, drop.GetStructuredStateValue("Dropped"))));
        Assert.Equal(2, Drops.Count());
        Assert.Equal(before, history);
    }

    [Fact]
    public async Task GetResponseAsync_ThatFits_DropsNothing()
    {
        using var model = Model();

        var response = await model.Client.GetResponseAsync(History(2), new ChatOptions().WithContextOverflow(ContextOverflow.DropOldestTurns), Test);

        Assert.Equal(0, response.GetDroppedMessages());
        Assert.Null(response.AdditionalProperties);
        Assert.Empty(Drops);
        Assert.Contains("Be kind.", _prompts[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, 256)]
    [InlineData(100, 100)]
    [InlineData(100_000, 512)]
    public async Task GetResponseAsync_RoomForTheAnswer_IsLeft(int? maxOutputTokens, int room)
    {
        using var model = Model(contextLength: 1024);

        var response = await model.Client.GetResponseAsync(History(30), new ChatOptions { MaxOutputTokens = maxOutputTokens }.WithContextOverflow(ContextOverflow.DropOldestTurns), Test);

        Assert.InRange(response.Usage!.InputTokenCount!.Value, 1024 - room - 250, 1024 - room);
    }

    [Fact]
    public void Write_LongHistory_IsWrittenFewTimes()
    {
        var writes = 0;
        var fitter = new ContextFitter(1000, new FakeLogger(_events));

        var prompt = fitter.Write([.. History(1000)], null, new() { ContextOverflow = ContextOverflow.DropOldestTurns }, (messages, _) =>
        {
            writes++;
            return new(new int[messages.Count], false, false);
        }, out var dropped);

        Assert.Equal((743, 1257), (prompt.Tokens.Length, dropped)); // an odd number: the last question has no answer
        Assert.InRange(writes, 2, 12);
    }

    [Fact]
    public async Task GetResponseAsync_LastTurnAlone_IsNeverDropped()
    {
        using var model = Model();
        List<ChatMessage> history = [.. History(3), new(ChatRole.User, new string('x', 450))];
        var options = new ChatOptions().WithContextOverflow(ContextOverflow.DropOldestTurns);

        // It leaves less room than it should, but it fits.
        var response = await model.Client.GetResponseAsync(history, options, Test);
        Assert.Equal("Hello", response.Text);
        Assert.Equal(6, response.GetDroppedMessages());

        history[^1] = new(ChatRole.User, new string('x', 600));
        var error = await Assert.ThrowsAsync<ContextFullException>(() => model.Client.GetResponseAsync(history, options, Test));
        Assert.InRange(error.PromptTokens, 600, 700);
    }

    [Fact]
    public async Task GetResponseAsync_Calls_StayWithTheirResults()
    {
        using var model = Model();
        List<ChatMessage> history =
        [
            new(ChatRole.Assistant, "Welcome!"),
            new(ChatRole.User, "first " + new string('q', 100)),
            new(ChatRole.Assistant, [new FunctionCallContent("1", "f")]),
            new(ChatRole.User, [new FunctionResultContent("1", "in the user's name")]),
            new(ChatRole.Assistant, new string('a', 200)),
            new(ChatRole.User, "last"),
            new(ChatRole.Assistant, [new FunctionCallContent("2", "f")]),
            new(ChatRole.Tool, [new FunctionResultContent("2", "result")]),
        ];

        var response = await model.Client.GetResponseAsync(history, new ChatOptions().WithContextOverflow(ContextOverflow.DropOldestTurns), Test);

        Assert.Equal(5, response.GetDroppedMessages());
        Assert.Contains("last", _prompts[0], StringComparison.Ordinal);
        Assert.Contains("result", _prompts[0], StringComparison.Ordinal);
        Assert.DoesNotContain("in the user's name", _prompts[0], StringComparison.Ordinal);
    }

    [Fact]
    public void CompleteStreamingAsync_OptionsOfChat_AreRefused()
    {
        using var model = Model();

        Assert.All<GenerationOptions>(
            [new() { ContextOverflow = ContextOverflow.KeepSystem }, new() { AssistantPrefill = "x" }, new() { ContinueFinalMessage = true }],
            options => Assert.Throws<ArgumentException>(nameof(options), () => model.Model.CompleteStreamingAsync("x", options, Test)));
    }
}
