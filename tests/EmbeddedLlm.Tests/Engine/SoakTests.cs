using System.Diagnostics;
using System.Globalization;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Engine;
using Microsoft.Extensions.Logging.Abstractions;
using static EmbeddedLlm.Tests.Engine.EngineTesting;

namespace EmbeddedLlm.Tests.Engine;

/// <summary>
/// Random requests, cancels, faults and disposals for as many minutes as the variable EMBEDDEDLLM_SOAK_MINUTES says: no answer is wrong,
/// nobody hangs, and memory ends where it began. Skipped, visibly, where the variable is not set.
/// </summary>
[Trait("Category", "Soak")]
public sealed class SoakTests
{
    private const int KvBlocks = 48;

    [Fact]
    public Task Engine_OverScriptedRunner_EndsWhereItBegan()
        => RunAsync(random => new ScriptedRunner(Vocabulary, KvBlocks, Options.KvBlockTokens) { BeforeRun = MayFail(random) }, r => Alone(r));

    private static Action<ScriptedRunner> MayFail(Random random) => _ =>
    {
        if (random.Next(500) == 0)
            throw new IOException("out of order");
    };

    /// <summary>The soak over any runner of the vocabulary and sizes that <see cref="Options"/> say.</summary>
    /// <param name="createRunner">Makes a runner; it may fail now and then.</param>
    /// <param name="alone">The tokens that a request must get.</param>
    internal static async Task RunAsync(Func<Random, IModelRunner> createRunner, Func<GenerationRequest, int[]> alone)
    {
        var minutes = Environment.GetEnvironmentVariable("EMBEDDEDLLM_SOAK_MINUTES");
        Assert.SkipUnless(minutes is not null, "EMBEDDEDLLM_SOAK_MINUTES is not set.");
        var end = TimeSpan.FromMinutes(double.Parse(minutes!, CultureInfo.InvariantCulture));

        var clock = Stopwatch.StartNew();
        var random = new Random(1);
        var (requests, cancelled, failed, disposed, engines) = (0, 0, 0, 0, 0);
        long begin = 0;
        while (clock.Elapsed < end)
        {
            using var runner = createRunner(new(engines));
            var engine = new InferenceEngine(runner, Options with { MaxQueuedRequests = 100 }, NullLogger.Instance);
            var lifetime = random.Next(50, 400);
            var seeds = Enumerable.Range(0, 16).Select(_ => random.Next()).ToArray();
            var consumers = seeds.Select(seed => Task.Run(() => ConsumeAsync(engine, new(seed), lifetime))).ToArray();
            if (engines++ % 2 == 0)
                await Task.WhenAny(consumers);                              // half of the engines are disposed while the others still ask
            else
                await Task.WhenAll(consumers);
            await engine.DisposeAsync();
            await Task.WhenAll(consumers);
            if (engines == 10)
                begin = Memory();
        }
        Assert.SkipWhen(begin == 0, $"Too short: {requests} requests say nothing of memory.");
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{engines} engines, {requests} requests, {cancelled} cancelled, {failed} failed, {disposed} disposed; memory {begin} -> {Memory()} bytes");
        Assert.InRange(Memory(), 0, begin + (4 << 20));
        Assert.True(requests > 0 && cancelled > 0 && disposed > 0);

        async Task ConsumeAsync(InferenceEngine engine, Random own, int count)
        {
            for (var i = 0; i < count; i++)
            {
                var request = RandomRequest(own);
                using var cancellation = new CancellationTokenSource();
                var cancelAfter = own.Next(4) == 0 ? own.Next(10) : -1;
                var leaveAfter = own.Next(8) == 0 ? own.Next(10) : -1;
                List<int> answer = [];
                Interlocked.Increment(ref requests);
                try
                {
                    if (cancelAfter == 0)
                        cancellation.Cancel();
                    await foreach (var token in engine.Start(request, cancellation.Token))
                    {
                        answer.Add(token);
                        if (answer.Count == cancelAfter)
                            cancellation.Cancel();
                        if (answer.Count == leaveAfter)
                            break;
                    }
                    Assert.Equal(alone(request).Take(leaveAfter > 0 ? leaveAfter : int.MaxValue), answer);
                }
                catch (OperationCanceledException)
                {
                    Assert.True(cancellation.IsCancellationRequested);
                    Interlocked.Increment(ref cancelled);
                }
                catch (LlmException e) when (e.InnerException is IOException)
                {
                    Interlocked.Increment(ref failed);
                }
                catch (ObjectDisposedException)
                {
                    Interlocked.Increment(ref disposed);
                    return;
                }
            }
        }
    }

    private static long Memory()
    {
        for (var i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
        return GC.GetTotalMemory(forceFullCollection: true);
    }
}
