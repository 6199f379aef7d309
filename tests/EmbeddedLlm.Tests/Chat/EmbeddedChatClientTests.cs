using EmbeddedLlm.Chat;
using EmbeddedLlm.Sampling;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Time.Testing;

namespace EmbeddedLlm.Tests.Chat;

public sealed class EmbeddedChatClientTests
{
    private static readonly ChatMessage[] Hi = [new(ChatRole.User, "Hi")];

    private static CancellationToken Test => TestContext.Current.CancellationToken;

    private static async Task<List<ChatResponseUpdate>> Stream(ScriptedModel model, ChatOptions? options = null)
    {
        var updates = new List<ChatResponseUpdate>();
        await foreach (var update in model.Client.GetStreamingResponseAsync(Hi, options, Test))
            updates.Add(update);
        return updates;
    }

    [Fact]
    public async Task GetResponseAsync_Messages_AreWrittenByTheTemplate()
    {
        var prompts = new List<string>();
        using var model = ScriptedModel.Answering(prompt =>
        {
            prompts.Add(prompt);
            return [];
        });

        await model.Client.GetResponseAsync(
            [new(ChatRole.System, "Be kind."), new(ChatRole.User, "One"), new(ChatRole.Assistant, "Two"), new(ChatRole.User, "Three €")],
            new() { Instructions = "Be brief." },
            Test);

        Assert.Equal(
            "<|im_start|>system\nBe brief.\n\nBe kind.<|im_end|>\n<|im_start|>user\nOne<|im_end|>\n" +
            "<|im_start|>assistant\nTwo<|im_end|>\n<|im_start|>user\nThree €<|im_end|>\n<|im_start|>assistant\n",
            Assert.Single(prompts.Distinct()));
    }

    [Fact]
    public async Task GetResponseAsync_Answer_HasTextUsageIdsAndReason()
    {
        var now = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
        using var model = ScriptedModel.Answering(_ => ScriptedModel.Tokens("Hello", " world"), time: new FakeTimeProvider(now));

        var response = await model.Client.GetResponseAsync(Hi, cancellationToken: Test);

        Assert.Equal("Hello world", response.Text);
        Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
        Assert.Equal(ScriptedModel.Id, response.ModelId);
        Assert.Equal(now, response.CreatedAt);
        Assert.Null(response.ConversationId);
        Assert.NotNull(response.ResponseId);
        var message = Assert.Single(response.Messages);
        Assert.Equal(ChatRole.Assistant, message.Role);
        Assert.NotNull(message.MessageId);
        Assert.IsType<TextContent>(Assert.Single(message.Contents));

        var prompt = ScriptedModel.Tokenizer.Encode("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n").Length;
        Assert.Equal(prompt, response.Usage!.InputTokenCount);
        Assert.Equal(2, response.Usage.OutputTokenCount);
        Assert.Equal(prompt + 2, response.Usage.TotalTokenCount);
        Assert.Equal(0, response.Usage.CachedInputTokenCount);
    }

    [Fact]
    public async Task GetResponseAsync_SamePromptAgain_IsReadFromTheCache()
    {
        using var model = ScriptedModel.Answering("Hello");

        await model.Client.GetResponseAsync(Hi, cancellationToken: Test);
        var again = await model.Client.GetResponseAsync(Hi, cancellationToken: Test);

        Assert.InRange(again.Usage!.CachedInputTokenCount!.Value, 16, again.Usage.InputTokenCount!.Value - 1);
        Assert.NotEqual((await model.Client.GetResponseAsync(Hi, cancellationToken: Test)).ResponseId, again.ResponseId);
    }

    [Fact]
    public async Task GetStreamingResponseAsync_Updates_ShareIdsAndEndWithOneUsage()
    {
        using var model = ScriptedModel.Answering("Hello", " world");

        var updates = await Stream(model);

        Assert.Equal(["Hello", " world", ""], updates.Select(update => update.Text));
        Assert.All(updates, update => Assert.Equal(ChatRole.Assistant, update.Role));
        Assert.Single(updates.Select(update => (update.ResponseId, update.MessageId, update.ModelId, update.CreatedAt)).Distinct());
        Assert.Single(updates.SelectMany(update => update.Contents).OfType<UsageContent>());
        Assert.Equal([null, null, ChatFinishReason.Stop], updates.Select(update => update.FinishReason));
    }

    [Fact]
    public async Task GetStreamingResponseAsync_CharacterOverSeveralTokens_ComesWhole()
    {
        using var model = ScriptedModel.Answering("a€😀");

        Assert.Equal(["a", "€", "😀", ""], (await Stream(model)).Select(update => update.Text));
    }

    [Fact]
    public async Task GetStreamingResponseAsync_StopOverSeveralTokens_IsNotGivenOut()
    {
        using var model = ScriptedModel.Answering("Hello", "!EN", "Ding", " world");

        var updates = await Stream(model, new() { StopSequences = ["END"] });

        Assert.Equal("Hello!", string.Concat(updates.Select(update => update.Text)));
        Assert.Equal(ChatFinishReason.Stop, updates[^1].FinishReason);
        Assert.Equal(3, updates[^1].Contents.OfType<UsageContent>().Single().Details.OutputTokenCount);
    }

    [Fact]
    public async Task GetResponseAsync_BeginningOfAStopAtTheEnd_IsGivenOut()
    {
        using var model = ScriptedModel.Answering("Hello", "!EN");

        Assert.Equal("Hello!EN", (await model.Client.GetResponseAsync(Hi, new() { StopSequences = ["END"] }, Test)).Text);
    }

    [Fact]
    public async Task GetResponseAsync_MaxOutputTokens_EndsWithLength()
    {
        using var model = ScriptedModel.Answering("Hello", " world");

        var response = await model.Client.GetResponseAsync(Hi, new() { MaxOutputTokens = 1 }, Test);

        Assert.Equal(("Hello", ChatFinishReason.Length), (response.Text, response.FinishReason));
        Assert.Equal(1, response.Usage!.OutputTokenCount);
    }

    [Fact]
    public async Task GetResponseAsync_FullContext_EndsWithLength()
    {
        var hello = ScriptedModel.Tokens("Hello");
        using var model = ScriptedModel.Answering(_ => [.. Enumerable.Repeat(hello[0], 1000)], contextLength: 64);

        var response = await model.Client.GetResponseAsync(Hi, cancellationToken: Test);

        Assert.Equal(ChatFinishReason.Length, response.FinishReason);
        Assert.Equal(64, response.Usage!.TotalTokenCount);
    }

    [Fact]
    public async Task GetResponseAsync_PromptThatDoesNotFit_ThrowsBothNumbers()
    {
        using var model = ScriptedModel.Answering(_ => [], contextLength: 32);

        var error = await Assert.ThrowsAsync<ContextFullException>(() => model.Client.GetResponseAsync([new(ChatRole.User, new string('a', 100))], cancellationToken: Test));

        Assert.Equal(32, error.ContextTokens);
        Assert.True(error.PromptTokens > 100);
    }

    [Fact]
    public async Task GetResponseAsync_EmptyMessages_AreLegal()
    {
        using var model = ScriptedModel.Answering("Hello");

        var response = await model.Client.GetResponseAsync([new(ChatRole.System, []), new(ChatRole.User, []), new(ChatRole.Assistant, []), new(ChatRole.User, "")], cancellationToken: Test);

        Assert.Equal("Hello", response.Text);
    }

    [Fact]
    public async Task GetResponseAsync_EmptyAnswer_IsOneAssistantMessage()
    {
        using var model = ScriptedModel.Answering();

        var response = await model.Client.GetResponseAsync(Hi, cancellationToken: Test);

        Assert.Equal("", response.Text);
        Assert.Equal(ChatRole.Assistant, Assert.Single(response.Messages).Role);
        Assert.Equal(0, response.Usage!.OutputTokenCount);
    }

    [Fact]
    public void NullMessages_AreRefusedAtOnce()
    {
        using var model = ScriptedModel.Answering();

        Assert.Throws<ArgumentNullException>("messages", () => { _ = model.Client.GetResponseAsync((IEnumerable<ChatMessage>)null!, cancellationToken: Test); });
        Assert.Throws<ArgumentNullException>("messages", () => { _ = model.Client.GetStreamingResponseAsync((IEnumerable<ChatMessage>)null!, cancellationToken: Test); });
    }

    [Fact]
    public async Task GetStreamingResponseAsync_LeftEarly_EndsTheRequest()
    {
        using var model = ScriptedModel.Answering(_ => [.. Enumerable.Repeat(ScriptedModel.Tokens("Hello")[0], 100_000)], contextLength: 100_000);

        await foreach (var update in model.Client.GetStreamingResponseAsync(Hi, cancellationToken: Test))
        {
            Assert.Equal("Hello", update.Text);
            break;
        }

        Assert.True(SpinWait.SpinUntil(() => model.Model.Stats.Running == 0, TimeSpan.FromSeconds(10)));
        Assert.InRange(model.Runner.Runs, 1, 50_000);
        Assert.Equal("Hello", (await model.Client.GetResponseAsync(Hi, new() { MaxOutputTokens = 1 }, Test)).Text);
    }

    [Fact]
    public async Task Dispose_OfTheClient_LeavesTheModel()
    {
        using var model = ScriptedModel.Answering("Hello");
        model.Client.Dispose();

        Assert.Equal("Hello", (await model.Client.GetResponseAsync(Hi, cancellationToken: Test)).Text);
    }

    [Fact]
    public async Task GetResponseAsync_ManyAtOnce_EachGetsItsOwnAnswer()
    {
        using var model = ScriptedModel.Answering(prompt => ScriptedModel.Tokens($"You said {prompt.Split('\n')[1].Replace("<|im_end|>", "", StringComparison.Ordinal)}."));

        var responses = await Task.WhenAll(Enumerable.Range(0, 64).Select(i => model.Client.GetResponseAsync([new(ChatRole.User, $"number {i}")], cancellationToken: Test)));

        Assert.Equal(Enumerable.Range(0, 64).Select(i => $"You said number {i}."), responses.Select(response => response.Text));
        Assert.Contains(model.Runner.Batches, batch => batch.Length > 1);
    }

    [Fact]
    public async Task Dispose_WhileBusy_EndsTheRequestsThenFreesTheRunner()
    {
        using var model = ScriptedModel.Answering(_ => [.. Enumerable.Repeat(ScriptedModel.Tokens("Hello")[0], 100_000)], contextLength: 100_000);
        await using var updates = model.Client.GetStreamingResponseAsync(Hi, cancellationToken: Test).GetAsyncEnumerator(Test);
        Assert.True(await updates.MoveNextAsync());

        await model.Model.DisposeAsync();

        Assert.True(model.Runner.IsDisposed);
        await Assert.ThrowsAsync<ObjectDisposedException>(async () =>
        {
            while (await updates.MoveNextAsync())
            {
            }
        });
        await Assert.ThrowsAsync<ObjectDisposedException>(() => model.Client.GetResponseAsync(Hi, cancellationToken: Test));
        model.Model.Dispose();
    }

    [Fact]
    public async Task GetResponseAsync_RunnerThatFails_FailsTheRequestAndLivesOn()
    {
        using var model = ScriptedModel.Answering("Hello");
        model.Runner.BeforeRun = runner =>
        {
            if (runner.Runs == 1)
                throw new InvalidOperationException("device lost");
        };

        var error = await Assert.ThrowsAnyAsync<Exception>(() => model.Client.GetResponseAsync(Hi, cancellationToken: Test));

        Assert.Contains("device lost", error.ToString(), StringComparison.Ordinal);
        Assert.Equal("Hello", (await model.Client.GetResponseAsync(Hi, cancellationToken: Test)).Text);
    }

    [Fact]
    public async Task GetResponseAsync_Options_AreOnlyRead()
    {
        using var model = ScriptedModel.Answering("Hello");
        var options = new ChatOptions { Seed = 7, Temperature = 0.5f, StopSequences = ["x"], AdditionalProperties = new() { ["min_p"] = 0.2 } };
        var before = options.Clone();

        await model.Client.GetResponseAsync(Hi, options, Test);

        Assert.Equal((before.Seed, before.Temperature, before.AdditionalProperties!.Count), (options.Seed, options.Temperature, options.AdditionalProperties!.Count));
        Assert.Equal(before.StopSequences, options.StopSequences);
    }
}
