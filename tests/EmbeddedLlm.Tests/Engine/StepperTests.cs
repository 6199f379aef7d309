using CsCheck;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Engine;
using EmbeddedLlm.Sampling;
using Microsoft.Extensions.Logging.Abstractions;
using static EmbeddedLlm.Tests.Engine.EngineTesting;

namespace EmbeddedLlm.Tests.Engine;

/// <summary>The engine step by step, on the test's own thread.</summary>
public sealed class StepperTests
{
    [Fact]
    public async Task Run_LongPromptBesideDecoding_ComesInChunksAndHoldsNobodyUp()
    {
        var bench = new StepperBench(64);
        var decoding = bench.Add(new() { Prompt = new[] { 1, 2, 3 }, Seed = 1, MaxTokens = 20 });
        bench.Step();
        var longPrompt = bench.Add(new() { Prompt = Enumerable.Range(0, 39).ToArray(), Seed = 2, MaxTokens = 2 });
        for (var i = 1; i <= 3; i++)
        {
            var before = decoding.Stream.GeneratedTokens;
            bench.Step();
            Assert.Equal(before + 1, decoding.Stream.GeneratedTokens);
        }
        Assert.Equal([(1, 3), (15, 0)], bench.Runner.Batches[1]);
        Assert.Equal([(1, 4), (15, 15)], bench.Runner.Batches[2]);
        Assert.Equal([(1, 5), (9, 30)], bench.Runner.Batches[3]);
        Assert.Equal(1, longPrompt.Stream.GeneratedTokens);
        bench.StepToEnd();
        await bench.CheckAnswersAsync();
    }

    [Fact]
    public void Run_SeveralPrompts_ShareTheRows()
    {
        var bench = new StepperBench(64);
        bench.Add(new() { Prompt = Enumerable.Repeat(1, 30).ToArray() });
        bench.Add(new() { Prompt = Enumerable.Repeat(2, 3).ToArray() });
        bench.Add(new() { Prompt = Enumerable.Repeat(3, 30).ToArray() });
        bench.Step();
        Assert.Equal([3, 6, 7], bench.Runner.Batches[0].Select(s => s.Rows).Order());
    }

    [Fact]
    public void Run_MorePromptsThanRows_ServesAllInTurn()
    {
        var bench = new StepperBench(64, Options with { MaxBatchRows = 8 });
        for (var i = 0; i < 7; i++)
            bench.Add(new() { Prompt = new[] { i }, MaxTokens = 30 });
        bench.Step();
        var late = bench.Add(new() { Prompt = Enumerable.Repeat(9, 10).ToArray(), MaxTokens = 1 });
        for (var i = 0; i < 10; i++)
            bench.Step();                                                   // one row is left for it in each step
        Assert.Equal(1, late.Stream.GeneratedTokens);
    }

    [Fact]
    public async Task Run_SameLongPromptTwiceAtOnce_ComputesItOnce()
    {
        var bench = new StepperBench(64);
        var prompt = Enumerable.Range(0, 35).ToArray();
        var first = bench.Add(new() { Prompt = prompt, Seed = 1, MaxTokens = 4 });
        var second = bench.Add(new() { Prompt = prompt, Seed = 2, MaxTokens = 4 });
        bench.StepToEnd();
        Assert.Equal((0, 32), (first.Stream.CachedTokens, second.Stream.CachedTokens));
        Assert.Equal(35 + 3 + 3 + 3, bench.Runner.Rows);                    // the prompt, the second's last three tokens, three decoding steps each
        await bench.CheckAnswersAsync();
    }

    [Fact]
    public async Task Run_NextTurnOfAChat_ComputesOnlyWhatIsNew()
    {
        var bench = new StepperBench(64);
        var turn = bench.Add(new() { Prompt = Enumerable.Range(0, 10).ToArray(), Seed = 3, MaxTokens = 7 });
        bench.StepToEnd();
        var rows = bench.Runner.Rows;
        var answer = await turn.Stream.ToArrayAsync();
        var next = bench.Add(new() { Prompt = (int[])[.. Enumerable.Range(0, 10), .. answer, 5, 5], Seed = 4, MaxTokens = 1 });
        bench.StepToEnd();
        Assert.Equal(16, next.Stream.CachedTokens);                         // all but the answer's last token, which was never run, and the two new ones
        Assert.Equal(3, bench.Runner.Rows - rows);
        Assert.Equal(Alone(bench.RequestOf(next)), await next.Stream.ToArrayAsync());
    }

    [Fact]
    public async Task Run_SamePromptAgain_ComputesItsLastTokenOnly()
    {
        var bench = new StepperBench(64);
        var request = new GenerationRequest { Prompt = Enumerable.Range(0, 16).ToArray(), Seed = 3, MaxTokens = 1 };
        bench.Add(request);
        bench.StepToEnd();
        var again = bench.Add(request);
        bench.StepToEnd();
        Assert.Equal(15, again.Stream.CachedTokens);
        Assert.Equal(1, bench.Runner.Copies);
        Assert.Equal(17, bench.Runner.Rows);
        Assert.Equal(Alone(request), await again.Stream.ToArrayAsync());
    }

    [Fact]
    public void Run_OtherPrefixKey_SharesNothing()
    {
        var bench = new StepperBench(64);
        var request = new GenerationRequest { Prompt = Enumerable.Range(0, 16).ToArray(), MaxTokens = 1 };
        bench.Add(request);
        bench.Add(request with { PrefixKey = 1 });
        bench.StepToEnd();
        Assert.Equal(32, bench.Runner.Rows);
    }

    [Fact]
    public async Task Run_MemoryForOneOnly_ServesAllByPreempting()
    {
        var bench = new StepperBench(16);                                          // as long as the context
        for (var i = 0; i < 5; i++)
            bench.Add(new() { Prompt = new[] { i, i + 1 }, Seed = i, MaxTokens = 62 });
        bench.StepToEnd();
        Assert.True(bench.Runner.Rows > 5 * 63, "Somebody must have been computed again.");
        await bench.CheckAnswersAsync();
    }

    [Fact]
    public void Run_MemoryShort_TheOldestNeverGivesWay()
    {
        var bench = new StepperBench(16);
        var oldest = bench.Add(new() { Prompt = new[] { 1 }, Seed = 1, MaxTokens = 63 });
        for (var i = 0; i < 4; i++)
            bench.Add(new() { Prompt = new[] { 9, i }, Seed = i, MaxTokens = 62 });
        for (var i = 1; i <= 63; i++)
        {
            bench.Step();
            Assert.Equal(i, oldest.Stream.GeneratedTokens);
            Assert.False(oldest.WasPreempted);
        }
    }

    [Fact]
    public async Task Run_ContextFull_EndsWithLength()
    {
        var bench = new StepperBench(64);
        var sequence = bench.Add(new() { Prompt = Enumerable.Range(0, 30).ToArray(), Seed = 1 });
        bench.StepToEnd();
        Assert.Equal(64 - 30, (await sequence.Stream.ToArrayAsync()).Length);
        Assert.Equal(StopReason.Length, sequence.Stream.Reason);
    }

    [Fact]
    public async Task Run_StopToken_EndsWithStopAndIsNotGiven()
    {
        var bench = new StepperBench(64, script: ScriptedRunner.Forced(2, 5, 6, 7));
        var sequence = bench.Add(new() { Prompt = new[] { 1, 2 }, StopTokens = new HashSet<int> { 7 } });
        bench.StepToEnd();
        int[] expected = [5, 6];
        Assert.Equal(expected, await sequence.Stream.ToArrayAsync());
        Assert.Equal((StopReason.Stop, 2), (sequence.Stream.Reason, sequence.Stream.GeneratedTokens));
    }

    [Fact]
    public async Task Run_LogitsAreNaN_FailsThatRequestOnly()
    {
        var bench = new StepperBench(64, script: (tokens, logits) =>
        {
            ScriptedRunner.Hashed(tokens, logits);
            if (tokens[0] == 13 && tokens.Length > 5)
                logits[3] = float.NaN;
        });
        var bad = bench.Add(new() { Prompt = new[] { 13, 2 }, Seed = 1, MaxTokens = 20 });
        var good = bench.Add(new() { Prompt = new[] { 1, 2 }, Seed = 1, MaxTokens = 20 });
        bench.StepToEnd();
        await Assert.ThrowsAsync<LlmException>(() => bad.Stream.ToArrayAsync());
        Assert.Equal(Alone(bench.RequestOf(good)), await good.Stream.ToArrayAsync());
        var again = bench.Add(new() { Prompt = new[] { 13, 2, 3, 4, 5 }, Seed = 1, MaxTokens = 1 });
        bench.Step();
        Assert.Equal(0, again.Stream.CachedTokens);
    }

    [Fact]
    public async Task Run_BackendFails_FailsTheBatchAndForgetsItsBlocks()
    {
        var bench = new StepperBench(64);
        var prompt = Enumerable.Range(0, 20).ToArray();
        var failing = bench.Add(new() { Prompt = prompt, Seed = 1, MaxTokens = 20 });
        bench.Step();
        bench.Step();
        bench.Runner.BeforeRun = _ => throw new IOException("out of order");
        bench.Step();
        var failure = await Assert.ThrowsAsync<LlmException>(() => failing.Stream.ToArrayAsync());
        Assert.IsType<IOException>(failure.InnerException);
        Assert.Equal((64, 0), (bench.Stepper.Pool.Free, bench.Stepper.Pool.Cached));

        bench.Runner.BeforeRun = null;
        var again = bench.Add(new() { Prompt = prompt, Seed = 1, MaxTokens = 20 });
        bench.StepToEnd();
        Assert.Equal(0, again.Stream.CachedTokens);
        Assert.Equal(Alone(bench.RequestOf(again)), await again.Stream.ToArrayAsync());
    }

    [Fact]
    public async Task Run_CopyFails_FailsTheRequestThatNeedsIt()
    {
        var bench = new StepperBench(64);
        var prompt = Enumerable.Range(0, 16).ToArray();
        bench.Add(new() { Prompt = prompt, Seed = 1, MaxTokens = 1 });
        bench.StepToEnd();
        bench.Runner.BeforeCopy = _ => throw new IOException("out of order");
        var failing = bench.Add(new() { Prompt = prompt, Seed = 1, MaxTokens = 1 });
        bench.StepToEnd();
        await Assert.ThrowsAsync<LlmException>(() => failing.Stream.ToArrayAsync());
        bench.Runner.BeforeCopy = null;
        bench.Add(new() { Prompt = prompt, Seed = 1, MaxTokens = 9 });
        bench.StepToEnd();
        await bench.CheckAnswersAsync();
    }

    [Fact]
    public void Run_CancelledInPrefill_LeavesWithinOneStep()
    {
        var bench = new StepperBench(64);
        using var cancellation = new CancellationTokenSource();
        var sequence = bench.Add(new() { Prompt = Enumerable.Range(0, 39).ToArray() });
        bench.Step();
        Assert.Equal(54, bench.Stepper.Pool.Free);
        sequence.Stream.Cancel(cancellation.Token);
        bench.Step();
        Assert.Equal((64, 1, true), (bench.Stepper.Pool.Free, bench.Runner.Runs, bench.Stepper.IsIdle));
    }

    /// <summary>Whatever joins, is cancelled or fails, and whenever: the books are right after every step, and who ends gets the answer it gets alone.</summary>
    [Fact]
    public void Run_AnyScheduleOfRequestsAndCancels_GivesEachItsAnswer()
        => AnySchedule(isRecurrent: false);

    /// <summary>The same for a model with states: few snapshots, many, or none.</summary>
    [Fact]
    public void Run_AnyScheduleOfARecurrentModel_GivesEachItsAnswer()
        => AnySchedule(isRecurrent: true);

    private static void AnySchedule(bool isRecurrent)
        => Gen.Select(Gen.Int[16, 40], Gen.Int[1, 20], Gen.Int[1, 8], Gen.Int, Gen.Int[0, 19].Array[1, 120], Gen.Int[0, Drafters.Count - 1], Gen.Int[0, 6]).Sample((blocks, rows, sequences, seed, actions, drafter, snapshots) =>
        {
            var bench = new StepperBench(blocks, Options with
            {
                MaxBatchRows = Math.Max(rows, sequences),
                MaxSequences = sequences,
                Drafter = Drafters[drafter],
                StateSlots = isRecurrent ? 2 * sequences + snapshots : 0,
            });
            var random = new Random(seed);
            foreach (var action in actions)
            {
                if (action < 6)
                    bench.Add(RandomRequest(random));
                else if (action == 6 && bench.Open.Count > 0)
                    bench.Open[random.Next(bench.Open.Count)].Stream.Cancel(new(true));
                else if (action == 7 && random.Next(4) == 0)
                    bench.FailNext();
                else
                    bench.Step();
            }
            bench.StepToEnd();
            bench.CheckAnswersAsync().GetAwaiter().GetResult();
            Assert.Equal(blocks, bench.Stepper.Pool.Free);
        }, iter: 1000);

    [Fact]
    public void Run_Decoding_AllocatesOnlyWhatGrowsWithTheText()
    {
        // One request, so a step is a token. Between two doublings of its lists only full blocks are noted for others to share, one every 32 steps.
        const int WarmUp = 1100, Steps = 900, SmallestObject = 24;
        var options = new EngineOptions { ContextLength = 4096, VocabularySize = Vocabulary };
        var stepper = new Stepper(new ConstantRunner(256), options, NullLogger.Instance, TimeProvider.System);
        stepper.Add(new(new() { Prompt = new[] { 1 }, MaxTokens = 4000, Sampling = SamplingOptions.Greedy }, 0, 4000, new(1)));
        for (var i = 0; i < WarmUp; i++)
            stepper.Run();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < Steps; i++)
            stepper.Run();
        var bytes = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.InRange(bytes, 0, Steps * SmallestObject - 1);
    }

    /// <summary>Says the same at every place, and allocates nothing.</summary>
    private sealed class ConstantRunner(int blocks) : IModelRunner
    {
        public int KvBlocks => blocks;

        public void Run(in Batch batch, Span<float> logits) => logits[..1].Fill(1);

        public void CopyKvBlock(int from, int to)
        {
        }

        public void CopyState(int from, int to)
        {
        }

        public void Dispose()
        {
        }
    }
}
