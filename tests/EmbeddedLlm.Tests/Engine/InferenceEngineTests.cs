using System.Diagnostics.Metrics;
using EmbeddedLlm.Engine;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Testing;
using static EmbeddedLlm.Tests.Engine.EngineTesting;

namespace EmbeddedLlm.Tests.Engine;

public sealed class InferenceEngineTests
{
    private static readonly GenerationRequest Short = new() { Prompt = new[] { 1, 2, 3 }, Seed = 5, MaxTokens = 10 };

    [Theory]
    [InlineData(128)]
    [InlineData(20)]
    public async Task Start_ManyAtOnce_EachGetsWhatItGetsAlone(int kvBlocks)
    {
        using var runner = new ScriptedRunner(Vocabulary, kvBlocks, 4);
        await using var engine = Engine(runner);
        var random = new Random(kvBlocks);
        var requests = Enumerable.Range(0, 32).Select(_ => RandomRequest(random)).ToArray();
        var answers = await Task.WhenAll(requests.Select(r => Task.Run(() => engine.Start(r).ToArrayAsync())));
        Assert.Equal(requests.Select(r => Alone(r)), answers);
        AssertNothingHeld(engine);
    }

    [Fact]
    public async Task Start_HalfOfThemCancelledAtRandomSteps_LeaksNoBlock()
    {
        using var runner = new ScriptedRunner(Vocabulary, 40, 4);
        var random = new Random(7);
        var requests = Enumerable.Range(0, 32).Select(_ => RandomRequest(random)).ToArray();
        var cancellations = requests.Select(_ => new CancellationTokenSource()).ToArray();
        var when = requests.Select((_, i) => (Run: random.Next(1, 60), Index: i)).Take(16).ToLookup(w => w.Run, w => w.Index);
        runner.BeforeRun = r =>
        {
            foreach (var index in when[r.Runs])
                cancellations[index].Cancel();
        };
        await using var engine = Engine(runner);
        var answers = requests.Select((r, i) => engine.Start(r, cancellations[i].Token).ToArrayAsync()).ToArray();
        for (var i = 0; i < answers.Length; i++)
        {
            try
            {
                Assert.Equal(Alone(requests[i]), await answers[i]);
            }
            catch (OperationCanceledException) when (i < 16)
            {
                Assert.True(cancellations[i].IsCancellationRequested);
            }
        }
        Assert.Contains(answers, a => a.IsCanceled);
        await engine.Start(Short).ToArrayAsync();                           // by now the loop has seen every cancellation
        AssertNothingHeld(engine);
    }

    [Fact]
    public async Task Start_CancelledWhileAStepRuns_EndsAtOnce()
    {
        using var runner = new ScriptedRunner(Vocabulary, 40, 4);
        using var release = new ManualResetEventSlim();
        using var cancellation = new CancellationTokenSource();
        runner.BeforeRun = _ => release.Wait();
        await using var engine = Engine(runner);
        var answer = engine.Start(Short, cancellation.Token).ToArrayAsync();
        cancellation.Cancel();
        var failure = await Assert.ThrowsAsync<OperationCanceledException>(() => answer);      // the step has not ended
        Assert.Equal(cancellation.Token, failure.CancellationToken);
        release.Set();
    }

    [Fact]
    public async Task Start_AlreadyCancelled_NeverRuns()
    {
        using var runner = new ScriptedRunner(Vocabulary, 40, 4);
        await using var engine = Engine(runner);
        await Assert.ThrowsAsync<OperationCanceledException>(() => engine.Start(Short, new(true)).ToArrayAsync());
        await engine.Start(Short with { MaxTokens = 1 }).ToArrayAsync();
        Assert.Equal(1, runner.Runs);
    }

    [Fact]
    public async Task Start_ConsumerLeavesEarly_EndsTheRequest()
    {
        using var runner = new ScriptedRunner(Vocabulary, 40, 4);
        await using var engine = Engine(runner);
        using var mayGoOn = new SemaphoreSlim(0);
        runner.BeforeRun = r => _ = r.Runs < 5 || mayGoOn.Wait(Timeout.Infinite);
        var stream = engine.Start(new() { Prompt = new[] { 1 }, Seed = 1 });
        await foreach (var _ in stream)
            break;
        mayGoOn.Release(1000);
        await engine.Start(Short).ToArrayAsync();
        AssertNothingHeld(engine);
        Assert.True(stream.GeneratedTokens < 63);
    }

    [Fact]
    public async Task Start_ConsumerThrowsOrNeverReads_NeighboursAreUntouched()
    {
        using var runner = new ScriptedRunner(Vocabulary, 40, 4);
        await using var engine = Engine(runner);
        var unread = engine.Start(Short with { MaxTokens = 40 });
        var throwing = Task.Run(async () =>
        {
            await foreach (var _ in engine.Start(Short with { MaxTokens = 40 }))
                throw new FormatException();
        });
        Assert.Equal(Alone(Short), await engine.Start(Short).ToArrayAsync());
        await Assert.ThrowsAsync<FormatException>(() => throwing);
        Assert.Equal(Alone(Short with { MaxTokens = 40 }), await unread.ToArrayAsync());
    }

    [Fact]
    public async Task Start_BackendFails_FailsTheBatchAndTheEngineLivesOn()
    {
        using var runner = new ScriptedRunner(Vocabulary, 40, 4);
        runner.BeforeRun = r => _ = r.Runs == 4 ? throw new InvalidDataException("bad weights") : 0;
        var logger = new FakeLogger();
        await using var engine = new InferenceEngine(runner, Options, logger);
        var failure = await Assert.ThrowsAsync<LlmException>(() => engine.Start(Short).ToArrayAsync());
        Assert.Contains("bad weights", failure.Message, StringComparison.Ordinal);
        Assert.Equal(Alone(Short), await engine.Start(Short).ToArrayAsync());
        var logged = Assert.Single(logger.Collector.GetSnapshot(), l => l.Level == LogLevel.Error);
        Assert.Equal(1005, logged.Id.Id);
        Assert.IsType<InvalidDataException>(logged.Exception);
    }

    [Fact]
    public async Task Start_LoggerOrListenerThrows_NoRequestFails()
    {
        using var listener = new MeterListener { InstrumentPublished = (instrument, self) => { if (instrument.Meter.Name == "EmbeddedLlm") self.EnableMeasurementEvents(instrument); } };
        listener.SetMeasurementEventCallback<long>((_, _, tags, _) => Refuse(tags));
        listener.SetMeasurementEventCallback<double>((_, _, tags, _) => Refuse(tags));
        listener.Start();
        using var runner = new ScriptedRunner(Vocabulary, 40, 4);
        await using var engine = new InferenceEngine(runner, Options with { Model = "refused" }, new ThrowingLogger());

        var answers = Enumerable.Range(0, 20).Select(i => engine.Start(Short with { Seed = i }).ToArrayAsync()).ToArray();

        for (var i = 0; i < answers.Length; i++)
            Assert.Equal(Alone(Short with { Seed = i }), await answers[i]);

        // Other tests' engines report at the same time.
        static void Refuse(ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            foreach (var (_, value) in tags)
                if (value is "refused")
                    throw new FormatException();
        }
    }

    [Fact]
    public async Task Dispose_WhileBusy_EndsEveryStreamAndIsIdempotent()
    {
        var runner = new ScriptedRunner(Vocabulary, 40, 4);
        using var running = new ManualResetEventSlim();
        using var release = new ManualResetEventSlim();
        runner.BeforeRun = _ =>
        {
            running.Set();
            release.Wait();
        };
        var engine = Engine(runner);
        var answers = Enumerable.Range(0, 20).Select(i => engine.Start(Short with { Seed = i }).ToArrayAsync()).ToArray();
        running.Wait();
        var disposals = new[] { Task.Run(engine.Dispose), Task.Run(engine.Dispose), engine.DisposeAsync().AsTask() };
        while (true)
        {
            try
            {
                _ = engine.Start(Short);                                    // until one of the disposals has got through
            }
            catch (ObjectDisposedException)
            {
                break;
            }
        }
        Assert.DoesNotContain(disposals, d => d.IsCompleted);               // the step still uses the runner
        release.Set();
        await Task.WhenAll(disposals);
        runner.Dispose();
        foreach (var answer in answers)
            await Assert.ThrowsAsync<ObjectDisposedException>(() => answer);
        Assert.Equal(1, runner.Runs);
        engine.Dispose();
        await engine.DisposeAsync();
        Assert.Throws<ObjectDisposedException>(() => { engine.Start(Short); });
    }

    [Fact]
    public void Start_BadRequest_Throws()
    {
        using var runner = new ScriptedRunner(Vocabulary, 10, 4);
        using var engine = Engine(runner);
        Assert.Equal(40, engine.ContextLength);
        Assert.Throws<ArgumentException>(() => { engine.Start(Short with { Prompt = default }); });
        Assert.Throws<ArgumentOutOfRangeException>(() => { engine.Start(Short with { Prompt = new[] { Vocabulary } }); });
        Assert.Throws<ArgumentOutOfRangeException>(() => { engine.Start(Short with { Prompt = new[] { -1 } }); });
        Assert.Throws<ArgumentOutOfRangeException>(() => { engine.Start(Short with { MaxTokens = 0 }); });
        var failure = Assert.Throws<ContextFullException>(() => { engine.Start(Short with { Prompt = new int[40] }); });
        Assert.Equal((40, 40), (failure.PromptTokens, failure.ContextTokens));
    }

    [Fact]
    public async Task Start_PromptLeavesRoomForOneToken_GivesIt()
    {
        using var runner = new ScriptedRunner(Vocabulary, 10, 4);
        await using var engine = Engine(runner);
        var stream = engine.Start(Short with { Prompt = new int[39] });
        Assert.Single(await stream.ToArrayAsync());
        Assert.Equal(StopReason.Length, stream.Reason);
    }

    [Fact]
    public async Task Start_QueueIsFull_Throws()
    {
        using var runner = new ScriptedRunner(Vocabulary, 40, 4);
        using var release = new ManualResetEventSlim();
        runner.BeforeRun = _ => release.Wait();
        await using var engine = Engine(runner, Options with { MaxSequences = 2, MaxQueuedRequests = 1 });
        var open = Enumerable.Range(0, 3).Select(_ => engine.Start(Short).ToArrayAsync()).ToArray();
        Assert.Equal(1, Assert.Throws<QueueFullException>(() => { engine.Start(Short); }).Limit);
        release.Set();
        await Task.WhenAll(open);
        for (var i = 0; i < 50; i++)
            await engine.Start(Short).ToArrayAsync();                       // an ended request makes room at once
    }

    [Fact]
    public async Task Start_NoSeed_GivesDifferentAnswers()
    {
        using var runner = new ScriptedRunner(Vocabulary, 40, 4);
        await using var engine = Engine(runner);
        var request = Short with { Seed = null, MaxTokens = 30, Sampling = new() { TopK = 0, TopP = 1, MinP = 0 } };
        Assert.NotEqual(await engine.Start(request).ToArrayAsync(), await engine.Start(request).ToArrayAsync());
    }

    [Theory]
    [InlineData(0, 32, 8)]
    [InlineData(64, 0, 8)]
    [InlineData(64, 32, 33)]
    public void New_SizesThatMakeNoSense_Throws(int context, int rows, int sequences)
    {
        using var runner = new ScriptedRunner(Vocabulary, 40, 4);
        Assert.Throws<ArgumentOutOfRangeException>(() => Engine(runner, Options with { ContextLength = context, MaxBatchRows = rows, MaxSequences = sequences }));
    }

    [Fact]
    public async Task Reason_BeforeTheEnd_Throws()
    {
        using var runner = new ScriptedRunner(Vocabulary, 40, 4);
        using var release = new ManualResetEventSlim();
        runner.BeforeRun = _ => release.Wait();
        await using var engine = Engine(runner);
        var stream = engine.Start(Short);
        Assert.Throws<InvalidOperationException>(() => stream.Reason);
        release.Set();
        await stream.ToArrayAsync();
        Assert.Equal((StopReason.Length, 3, 10), (stream.Reason, stream.PromptTokens, stream.GeneratedTokens));
    }

    private static InferenceEngine Engine(ScriptedRunner runner, EngineOptions? options = null) => new(runner, options ?? Options, NullLogger.Instance);

    private static void AssertNothingHeld(InferenceEngine engine)
        => Assert.Equal((0, 0, 0), (engine.Stats.KvBlocksUsed, engine.Stats.Running, engine.Stats.Waiting));

    private sealed class ThrowingLogger : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
            => throw new FormatException("The log is broken.");
    }
}
