using System.Diagnostics;
using System.Globalization;
using EmbeddedLlm.Engine;
using Microsoft.Extensions.AI;
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

    /// <summary>The engine alone: backend faults, copies that fail, engines disposed while callers still ask.</summary>
    [Fact]
    public async Task Engine_OverScriptedRunner_EndsWhereItBegan()
    {
        var end = Duration();
        var clock = Stopwatch.StartNew();
        var random = new Random(1);
        var (requests, cancelled, failed, disposed, engines) = (0, 0, 0, 0, 0);
        long begin = 0;
        while (clock.Elapsed < end)
        {
            using var runner = new ScriptedRunner(Vocabulary, KvBlocks, Options.KvBlockTokens) { BeforeRun = MayFail(new(engines)), BeforeCopy = MayFail(new(engines + 1)) };
            var engine = new InferenceEngine(runner, Options with { MaxQueuedRequests = 100, Drafter = Drafters[engines % Drafters.Count] }, NullLogger.Instance);
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
                begin = ManagedMemory();
        }
        Assert.SkipWhen(begin == 0, $"Too short: {requests} requests say nothing of memory.");
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{engines} engines, {requests} requests, {cancelled} cancelled, {failed} failed, {disposed} disposed; memory {begin} -> {ManagedMemory()} bytes");
        Assert.InRange(ManagedMemory(), 0, begin + (4 << 20));
        Assert.True(requests > 0 && cancelled > 0 && failed > 0 && disposed > 0);

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
                    Assert.Equal(Alone(request).Take(leaveAfter > 0 ? leaveAfter : int.MaxValue), answer);
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

    /// <summary>The whole library with a real model: loaded, asked, cancelled, refused and disposed while busy, again and again.</summary>
    [Fact]
    public async Task Model_OverItsChatClient_EndsWhereItBegan()
    {
        var end = Duration();
        var expected = new string[24];
        using (var alone = LlmModel.Load(Golden.TinyModel, new() { Speculation = Speculation.Off }))
        {
            for (var i = 0; i < expected.Length; i++)
                expected[i] = (await alone.AsIChatClient().GetResponseAsync(Prompt(i), ChatOptions(i))).Text;
        }

        var clock = Stopwatch.StartNew();
        var (models, requests, cancelled, refused, disposed) = (0, 0, 0, 0, 0);
        var begin = default((long Managed, long Resident, int Threads, int Mappings));
        while (clock.Elapsed < end)
        {
            // The context is short, so that some prompts are refused; the KV memory holds three of eight requests, so that some wait.
            var model = LlmModel.Load(Golden.TinyModel, new() { ContextLength = 256, KvCacheBytes = 3 * 256 * 256, BatchTokens = 32, Threads = 1 + (models % 3), DraftModelPath = models % 4 == 3 ? Golden.TinyModel : null });
            var consumers = Enumerable.Range(0, 8).Select(i => Task.Run(() => AskAsync(model.AsIChatClient(), new((models * 8) + i)))).ToArray();
            if (models++ % 2 == 0)
                await Task.WhenAny(consumers);                              // half of the models are disposed while the others still ask
            else
                await Task.WhenAll(consumers);
            await model.DisposeAsync();
            await Task.WhenAll(consumers);
            if (models == 20)
                begin = Resources();
        }

        Assert.SkipWhen(models <= 20, $"Too short: {requests} requests say nothing of memory.");
        var now = Resources();
        TestContext.Current.TestOutputHelper?.WriteLine($"{models} models, {requests} requests, {cancelled} cancelled, {refused} refused, {disposed} disposed; {begin} -> {now}");
        Assert.InRange(now.Managed, 0, begin.Managed + (4 << 20));
        Assert.InRange(now.Resident, 0, begin.Resident + (64 << 20));
        Assert.InRange(now.Threads, 0, begin.Threads + 8);                  // the thread pool's
        Assert.Equal(0, now.Mappings);
        Assert.True(requests > 0 && cancelled > 0 && refused > 0 && disposed > 0);

        async Task AskAsync(IChatClient client, Random own)
        {
            for (var count = own.Next(10, 60); count > 0; count--)
            {
                var which = own.Next(expected.Length);
                using var cancellation = new CancellationTokenSource();
                var cancelAfter = own.Next(4) == 0 ? own.Next(8) : -1;
                var leaveAfter = own.Next(8) == 0 ? own.Next(1, 8) : -1;
                var (text, updates) = ("", 0);
                Interlocked.Increment(ref requests);
                try
                {
                    if (own.Next(20) == 0)
                        await client.GetResponseAsync(new string('x', 2000), ChatOptions(which), cancellation.Token);
                    if (cancelAfter == 0)
                        await cancellation.CancelAsync();
                    await foreach (var update in client.GetStreamingResponseAsync(Prompt(which), ChatOptions(which), cancellation.Token))
                    {
                        text += update.Text;
                        if (++updates == cancelAfter)
                            await cancellation.CancelAsync();
                        if (updates == leaveAfter)
                            break;
                    }

                    if (updates == leaveAfter)
                        Assert.StartsWith(text, expected[which], StringComparison.Ordinal);
                    else
                        Assert.Equal(expected[which], text);
                }
                catch (OperationCanceledException)
                {
                    Assert.True(cancellation.IsCancellationRequested);
                    Interlocked.Increment(ref cancelled);
                }
                catch (ContextFullException)
                {
                    Interlocked.Increment(ref refused);
                }
                catch (ObjectDisposedException)
                {
                    Interlocked.Increment(ref disposed);
                    return;
                }
            }
        }

        static string Prompt(int which) => $"Question {which % 7}: {new string((char)('a' + which), 3 * which)}";

        static ChatOptions ChatOptions(int which) => new() { Seed = which, Temperature = which % 3 * 0.6f, MaxOutputTokens = 1 + which, StopSequences = which % 5 == 0 ? ["the"] : null };
    }

    private static (long Managed, long Resident, int Threads, int Mappings) Resources()
    {
        var managed = ManagedMemory();
        using var process = Process.GetCurrentProcess();
        var mappings = OperatingSystem.IsLinux() ? File.ReadLines("/proc/self/maps").Count(line => line.EndsWith(".gguf", StringComparison.Ordinal)) : 0;
        return (managed, process.WorkingSet64, process.Threads.Count, mappings);
    }

    private static TimeSpan Duration()
    {
        var minutes = Environment.GetEnvironmentVariable("EMBEDDEDLLM_SOAK_MINUTES");
        Assert.SkipUnless(minutes is not null, "EMBEDDEDLLM_SOAK_MINUTES is not set.");
        return TimeSpan.FromMinutes(double.Parse(minutes!, CultureInfo.InvariantCulture));
    }

    private static Action<ScriptedRunner> MayFail(Random random) => _ =>
    {
        if (random.Next(500) == 0)
            throw new IOException("out of order");
    };

    private static long ManagedMemory()
    {
        for (var i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
        return GC.GetTotalMemory(forceFullCollection: true);
    }
}
