using EmbeddedLlm.Engine;
using EmbeddedLlm.Engine.Drafts;
using static EmbeddedLlm.Tests.Engine.EngineTesting;

namespace EmbeddedLlm.Tests.Engine;

/// <summary>Prefixes and drafts of models with states. Blocks have 4 tokens. That answers are right under any schedule is shown by <see cref="StepperTests"/>.</summary>
public sealed class RecurrentStepperTests
{
    private static readonly EngineOptions Recurrent = Options with { StateSlots = 2 * Options.MaxSequences + 4 };

    private static GenerationRequest Request(params int[] prompt) => new() { Prompt = prompt, Seed = 1, MaxTokens = 1 };

    private static int[] Range(int count) => [.. Enumerable.Range(0, count)];

    [Fact]
    public async Task Run_TheSamePromptAgain_GoesOnFromItsLastBlock()
    {
        var bench = new StepperBench(64, Recurrent);
        bench.Add(Request(Range(10)));
        bench.StepToEnd();
        Assert.Equal((10, 2), (bench.Runner.Rows, bench.Runner.Runs));      // 8 and 2: a step ends where the state is kept

        var again = bench.Add(Request([.. Range(9), 30, 31]));
        bench.StepToEnd();
        Assert.Equal(8, again.Stream.CachedTokens);
        Assert.Equal(13, bench.Runner.Rows);
        await bench.CheckAnswersAsync();
    }

    [Fact]
    public async Task Run_AnAnswerGoesOn_FromTheLastBlockOfTheAnswer()
    {
        var bench = new StepperBench(64, Recurrent);
        var first = bench.Add(Request(Range(6)) with { MaxTokens = 20 });
        bench.StepToEnd();
        var answer = await first.Stream.ToArrayAsync();
        Assert.Equal(20, answer.Length);
        Assert.Equal(2, bench.Stepper.Pool.States!.Snapshots);              // of the prompt, and of the answer the last

        var next = bench.Add(Request([.. Range(6), .. answer, 39]));
        bench.StepToEnd();
        Assert.Equal(24, next.Stream.CachedTokens);
    }

    [Fact]
    public void Run_APromptThatParts_LeavesAStateWhereItParted()
    {
        var bench = new StepperBench(64, Recurrent);
        int[][] prompts = [[.. Range(9), 20, 21, 22, 23], [.. Range(9), 24, 25, 26, 27], [.. Range(9), 28, 29, 30, 31]];
        int[] expected = [0, 0, 8];                                         // the second finds blocks and no state, and leaves one for the third
        foreach (var (prompt, cached) in prompts.Zip(expected))
        {
            var sequence = bench.Add(Request(prompt));
            bench.StepToEnd();
            Assert.Equal(cached, sequence.Stream.CachedTokens);
        }
    }

    [Fact]
    public void Run_NoSlotForSnapshots_SharesNothing()
    {
        var bench = new StepperBench(64, Options with { MaxSequences = 1, StateSlots = 1 });
        foreach (var _ in Range(2))
            bench.Add(Request(Range(10)));
        bench.StepToEnd();
        Assert.Equal(20, bench.Runner.Rows);
    }

    [Fact]
    public async Task Run_TheOnlySlotIsASnapshot_BecomesTheSequences()
    {
        // The first request's slot is free when the second one comes, so the snapshot is copied; the second holds one, and its own snapshot takes the place of the first.
        var bench = new StepperBench(64, Options with { MaxSequences = 1, StateSlots = 2 });
        foreach (var cached in (int[])[0, 8, 8, 8])
        {
            var sequence = bench.Add(Request(Range(10)) with { MaxTokens = 9 });
            bench.StepToEnd();
            Assert.InRange(sequence.Stream.CachedTokens, 0, cached);
        }

        await bench.CheckAnswersAsync();
    }

    [Fact]
    public async Task Run_DraftsThatAreRight_CostNoRowTwice()
    {
        var bench = new StepperBench(64, Recurrent with { Drafter = () => new NGramDrafter() }, ScriptedRunner.Forced(6, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3));
        var sequence = bench.Add(new() { Prompt = new[] { 1, 2, 3, 1, 2, 3 }, MaxTokens = 15, Seed = 1 });
        bench.StepToEnd();
        await bench.CheckAnswersAsync();
        Assert.True(sequence.Stream.AcceptedTokens > 5);
        Assert.Equal(sequence.Stream.DraftedTokens, sequence.Stream.AcceptedTokens);
        Assert.Equal(6 + 14, bench.Runner.Rows);
    }

    [Fact]
    public async Task Run_DraftsThatAreWrong_AreTakenBack()
    {
        foreach (var seed in Range(20))
        {
            var bench = new StepperBench(64, Recurrent with { Drafter = () => new GuessingDrafter(seed) });
            bench.Add(Request(Range(6)) with { MaxTokens = 40 });
            bench.Add(Request(Range(5)) with { MaxTokens = 40 });
            bench.StepToEnd();
            await bench.CheckAnswersAsync();
            Assert.Equal(0, bench.Stepper.Pool.States!.Held);
        }
    }

    [Fact]
    public async Task Run_BackendFails_ForgetsTheStates()
    {
        var bench = new StepperBench(64, Recurrent);
        bench.Add(Request(Range(10)));
        bench.StepToEnd();
        Assert.Equal(1, bench.Stepper.Pool.States!.Snapshots);
        bench.FailNext();
        bench.Add(Request(Range(10)));
        bench.StepToEnd();
        Assert.Equal((0, 0), (bench.Stepper.Pool.States!.Snapshots, bench.Stepper.Pool.States!.Held));
        bench.Add(Request(Range(10)));
        bench.StepToEnd();
        await bench.CheckAnswersAsync();
    }
}
