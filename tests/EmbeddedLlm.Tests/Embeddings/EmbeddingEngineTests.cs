using EmbeddedLlm.Embeddings;
using EmbeddedLlm.Graph;
using Microsoft.Extensions.Logging.Testing;

namespace EmbeddedLlm.Tests.Embeddings;

public sealed class EmbeddingEngineTests
{
    private static readonly EmbeddingSizes Sizes = new()
    {
        Model = "tokens",
        ContextLength = 20,
        Width = TokenRunner.Width,
        Pooling = Pooling.Mean,
        BatchTokens = 10,
        MaxTexts = 4,
        KvBlockTokens = 4,
    };

    private static CancellationToken Test => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(Pooling.Mean, 5, 1)]
    [InlineData(Pooling.First, 4, 0)]
    [InlineData(Pooling.Last, 6, 2)]
    [InlineData(Pooling.Rank, 4, 0)]
    public async Task Run_EachPooling_TakesItsRows(Pooling pooling, float token, float position)
    {
        using var engine = new EmbeddingEngine(new TokenRunner(), Sizes with { Pooling = pooling }, new FakeLogger());

        var vectors = await engine.RunAsync([[4, 5, 6], [7]], Test);

        Assert.Equal([token, position, 3], vectors[0]);
        Assert.Equal([7, 0, 1], vectors[1]);
    }

    [Fact]
    public async Task Run_RankOfADecoder_TakesTheLastRow()
    {
        using var engine = new EmbeddingEngine(new TokenRunner(), Sizes with { Pooling = Pooling.Rank, RanksLast = true }, new FakeLogger());
        var vectors = await engine.RunAsync([[4, 5, 6]], Test);
        Assert.Equal([6, 2, 3], vectors[0]);
    }

    [Fact]
    public async Task Run_ManyTexts_ArePackedIntoStepsUpToTheirSizes()
    {
        var runner = new TokenRunner();
        using var engine = new EmbeddingEngine(runner, Sizes, new FakeLogger());

        // 4 + 4 rows fit, 8 + 3 do not; a long text goes alone; of short ones 4.
        await engine.RunAsync([[1, 0, 0, 0], [2, 0, 0, 0], [3, 0, 0], [.. Enumerable.Repeat(4, 20)], [5], [6], [7], [8], [9]], Test);

        Assert.Equal([[1, 2], [3], [4], [5, 6, 7, 8], [9]], runner.Batches);
    }

    [Fact]
    public async Task Run_FewKvBlocks_LimitAStep()
    {
        var runner = new TokenRunner(kvBlocks: 5);
        using var engine = new EmbeddingEngine(runner, Sizes, new FakeLogger());

        await engine.RunAsync([[1, 0, 0, 0, 0], [2], [3], [4]], Test);

        Assert.Equal([[1, 2, 3, 4]], runner.Batches);
        await engine.RunAsync([[1, 0, 0, 0, 0], [2, 0, 0, 0, 0], [3], [4]], Test);
        Assert.Equal([[1, 2], [3, 4]], runner.Batches[1..]);
    }

    [Fact]
    public async Task Run_AShortCallBesideALongOne_SharesItsNextStep()
    {
        using var started = new ManualResetEventSlim();
        using var goOn = new ManualResetEventSlim();
        var runner = new TokenRunner { BeforeRun = () => { started.Set(); goOn.Wait(); } };
        using var engine = new EmbeddingEngine(runner, Sizes, new FakeLogger());
        var longCall = engine.RunAsync([.. Enumerable.Range(1, 12).Select(token => new[] { token })], Test);
        started.Wait(Test);
        var shortCall = engine.RunAsync([[100]], Test);
        goOn.Set();

        await Task.WhenAll(longCall, shortCall);

        Assert.Equal([5, 100, 6, 7], runner.Batches[1]);
    }

    [Fact]
    public async Task Run_Cancelled_EndsAtOnceAndLeavesOthers()
    {
        using var started = new ManualResetEventSlim();
        using var goOn = new ManualResetEventSlim();
        var runner = new TokenRunner { BeforeRun = () => { started.Set(); goOn.Wait(); } };
        using var engine = new EmbeddingEngine(runner, Sizes, new FakeLogger());
        using var cancellation = new CancellationTokenSource();
        var cancelled = engine.RunAsync([[1], [2], [3], [4], [5]], cancellation.Token);
        started.Wait(Test);
        var other = engine.RunAsync([[6]], Test);
        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        goOn.Set();
        await other;

        Assert.Equal([[1, 2, 3, 4], [6]], runner.Batches);
    }

    [Fact]
    public async Task Run_BackendFails_FailsTheCallsOfTheStepAndGoesOn()
    {
        var logs = new FakeLogger();
        var runner = new TokenRunner { BeforeRun = () => throw new InvalidOperationException("no device") };
        using var engine = new EmbeddingEngine(runner, Sizes, logs);

        Assert.Contains("no device", (await Assert.ThrowsAsync<LlmException>(() => engine.RunAsync([[1]], Test))).Message, StringComparison.Ordinal);
        Assert.Contains(logs.Collector.GetSnapshot(), record => record.Id.Id == 2042);

        runner.BeforeRun = null;
        var vectors = await engine.RunAsync([[2]], Test);
        Assert.Equal([2, 0, 1], vectors[0]);
    }

    [Fact]
    public async Task Dispose_WhileCallsAreOpen_EndsThem()
    {
        using var started = new ManualResetEventSlim();
        using var goOn = new ManualResetEventSlim();
        var engine = new EmbeddingEngine(new TokenRunner { BeforeRun = () => { started.Set(); goOn.Wait(); } }, Sizes, new FakeLogger());
        var first = engine.RunAsync([[1], [2], [3], [4], [5]], Test);
        started.Wait(Test);
        var second = engine.RunAsync([[6]], Test);
        var disposal = Task.Run(engine.Dispose, Test);
        while (!await IsDisposedAsync(engine))
            await Task.Yield();
        goOn.Set();

        await disposal;
        await Assert.ThrowsAsync<ObjectDisposedException>(() => first);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => second);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => engine.RunAsync([[1]], Test));
        engine.Dispose();
    }

    [Fact]
    public async Task Run_MoreCallsThanAllowed_AreRefused()
    {
        using var started = new ManualResetEventSlim();
        using var goOn = new ManualResetEventSlim();
        using var engine = new EmbeddingEngine(new TokenRunner { BeforeRun = () => { started.Set(); goOn.Wait(); } }, Sizes with { MaxRequests = 1 }, new FakeLogger());
        var first = engine.RunAsync([[1]], Test);
        started.Wait(Test);

        await Assert.ThrowsAsync<QueueFullException>(() => engine.RunAsync([[2]], Test));
        goOn.Set();
        await first;
        var vectors = await engine.RunAsync([[3]], Test);
        Assert.Equal([3, 0, 1], vectors[0]);
    }

    private static async Task<bool> IsDisposedAsync(EmbeddingEngine engine)
    {
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        return await Record.ExceptionAsync(() => engine.RunAsync([[1]], cancelled.Token)) is ObjectDisposedException;
    }
}
