using EmbeddedLlm.Engine;
using EmbeddedLlm.Engine.Drafts;
using EmbeddedLlm.Sampling;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using static EmbeddedLlm.Tests.Engine.EngineTesting;

namespace EmbeddedLlm.Tests.Engine.Drafts;

/// <summary>Drafts in the engine, step by step. That they change no answer under any schedule is shown by <see cref="StepperTests"/>.</summary>
public sealed class SpeculationTests
{
    private static readonly EngineOptions Speculative = Options with { Drafter = () => new NGramDrafter() };

    public static TheoryData<string> Samplers => [.. Sampling.Keys];

    private static Dictionary<string, SamplingOptions> Sampling { get; } = new()
    {
        ["greedy"] = SamplingOptions.Greedy,
        ["default"] = SamplingOptions.Default,
        ["hot"] = new() { Temperature = 2, TopK = 0, TopP = 1, MinP = 0 },
        ["penalties"] = new() { RepetitionPenalty = 1.2f, FrequencyPenalty = 0.3f, PresencePenalty = 0.4f },
        ["dry"] = new() { Temperature = 0, DryMultiplier = 1 },
        ["mirostat"] = new() { MirostatTau = 3 },
        ["xtc"] = new() { XtcProbability = 0.5f },
        ["typical"] = new() { TypicalP = 0.5f },
    };

    [Theory]
    [MemberData(nameof(Samplers))]
    public async Task Run_AnySampler_GivesTheTokensOfPlainDecoding(string sampler)
    {
        foreach (var drafter in Drafters)
        {
            var bench = new StepperBench(200, Options with { Drafter = drafter });
            for (var i = 0; i < 12; i++)
                bench.Add(new() { Prompt = new[] { i % 3, 1, 2, 1, 2 }, Seed = i, Sampling = Sampling[sampler], StopTokens = new HashSet<int> { i } });
            bench.StepToEnd();
            await bench.CheckAnswersAsync();
        }
    }

    [Fact]
    public async Task Run_TextRepeats_TakesSeveralTokensInAStep()
    {
        int[] text = [.. Enumerable.Range(0, 20)];
        var bench = new StepperBench(64, Speculative, ScriptedRunner.Forced(24, text));
        var sequence = bench.Add(new() { Prompt = (int[])[.. text, 30, 31, 32, 33], MaxTokens = 20 });
        bench.StepToEnd();
        Assert.Equal(text, await sequence.Stream.ToArrayAsync());
        Assert.InRange(bench.Runner.Runs, 1, 9);                            // 2 for the prompt, 2 until a bigram is known, drafts of 3 and then 7
        Assert.InRange(bench.Stepper.Stats.AcceptedTokens, 13, 18);
    }

    [Fact]
    public async Task Run_StopTokenInADraft_EndsThere()
    {
        var bench = new StepperBench(64, Speculative, ScriptedRunner.Forced(9, 1, 2, 3, 4, 5, 6));
        var sequence = bench.Add(new() { Prompt = new[] { 1, 2, 3, 4, 5, 6, 7, 8, 9 }, StopTokens = new HashSet<int> { 4 } });
        bench.StepToEnd();
        int[] expected = [1, 2, 3];
        Assert.Equal(expected, await sequence.Stream.ToArrayAsync());
        Assert.Equal((StopReason.Stop, 3), (sequence.Stream.Reason, sequence.Stream.GeneratedTokens));
        Assert.True(bench.Stepper.Stats.DraftedTokens > 0);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public async Task Run_TokenLimitInALoop_IsKept(int limit)
    {
        var bench = new StepperBench(64, Speculative, ScriptedRunner.Forced(4, 1, 1, 1, 1));
        var sequence = bench.Add(new() { Prompt = new[] { 1, 1, 1, 1 }, MaxTokens = limit });
        bench.StepToEnd();
        Assert.Equal(Enumerable.Repeat(1, limit), await sequence.Stream.ToArrayAsync());
        Assert.Equal(StopReason.Length, sequence.Stream.Reason);
        Assert.Equal(4 + limit - 1, bench.Runner.Rows);                     // no row beyond what is wanted
    }

    [Fact]
    public void Run_WrongDraft_IsNotOfferedForSharing()
    {
        // The loop in the prompt is drafted; the model leaves it at once.
        var bench = new StepperBench(64, Speculative, ScriptedRunner.Forced(9, 5, 6, 7));
        var loop = new[] { 1, 2, 1, 2, 1, 2, 1, 2, 1 };
        bench.Add(new() { Prompt = (int[])[.. loop], MaxTokens = 2 });
        bench.Add(new() { Prompt = (int[])[.. loop], MaxTokens = 40 });
        bench.StepToEnd();
        Assert.True(bench.Stepper.Stats.DraftedTokens > 0);
        var late = bench.Add(new() { Prompt = (int[])[.. loop, 2, 1, 2, 1, 2], MaxTokens = 1 });
        bench.StepToEnd();
        Assert.Equal(loop.Length, late.Stream.CachedTokens);
    }

    [Fact]
    public void Run_ManySequences_FillAStepToEightRowsAndNoFurther()
    {
        var options = Speculative with { MaxSequences = 12, KvBlockTokens = 4 };
        foreach (var sequences in (int[])[1, 2, 5, 7, 8, 12])
        {
            var bench = new StepperBench(200, options, ScriptedRunner.Forced(1, 1));
            for (var i = 0; i < sequences; i++)
                bench.Add(new() { Prompt = new[] { 1 }, MaxTokens = 40, PrefixKey = i });
            var widest = 0;
            while (!bench.Stepper.IsIdle)
            {
                bench.Step();
                widest = Math.Max(widest, bench.Runner.Batches[^1].Sum(slice => slice.Rows));
            }
            Assert.Equal(Math.Max(sequences, EngineOptions.MaxVerifiedRows), widest);
        }
    }

    [Fact]
    public async Task Run_MemoryShort_DraftsGiveWayToEveryone()
    {
        // Both fit to the last block; with drafts nobody is thrown out who would not be without.
        var bench = new StepperBench(16, Speculative, ScriptedRunner.Forced(4, 1));
        for (var i = 0; i < 2; i++)
            bench.Add(new() { Prompt = new[] { 1, 1, 1, 1 }, MaxTokens = 28, PrefixKey = i });
        while (!bench.Stepper.IsIdle)
        {
            bench.Step();
            Assert.All(bench.Open, sequence => Assert.False(sequence.WasPreempted));
        }
        await bench.CheckAnswersAsync();
    }

    [Fact]
    public async Task Run_DrafterFails_GoesOnWithoutDraftsAndSaysSo()
    {
        var logs = new FakeLogger();
        var drafter = new FailingDrafter();
        var bench = new StepperBench(64, Options with { Drafter = () => drafter }, logger: logs);
        bench.Add(new() { Prompt = new[] { 1, 2 }, MaxTokens = 20 });
        bench.StepToEnd();
        await bench.CheckAnswersAsync();
        Assert.Equal((1, 0), (drafter.Calls, bench.Stepper.Stats.DraftedTokens));
        Assert.Single(logs.Collector.GetSnapshot(), record => record is { Id.Id: 1008, Level: LogLevel.Error, Exception: IOException });
    }

    [Fact]
    public void Run_DraftModelIsTheModel_IsAlwaysRight()
    {
        var bench = new StepperBench(64, Options with { Drafter = () => new ModelDrafter(new ScriptedRunner(Vocabulary, 64, Options.KvBlockTokens), Options) });
        for (var i = 0; i < 3; i++)
            bench.Add(new() { Prompt = Enumerable.Range(i, 30).ToArray(), Sampling = SamplingOptions.Greedy, MaxTokens = 30 });
        bench.StepToEnd();
        var stats = bench.Stepper.Stats;
        Assert.InRange(stats.DraftedTokens, 45, 90);
        Assert.Equal(stats.DraftedTokens, stats.AcceptedTokens);
    }

    /// <summary>A draft model computes each verified token once: what was right of its own draft is not read again, nor a prompt that it has seen.</summary>
    [Fact]
    public void Run_DraftModel_ReadsNothingTwice()
    {
        var small = new ScriptedRunner(Vocabulary, 64, Options.KvBlockTokens);
        var bench = new StepperBench(64, Options with { Drafter = () => new ModelDrafter(small, Options) });
        var prompt = Enumerable.Range(0, 33).ToArray();
        bench.Add(new() { Prompt = prompt, Sampling = SamplingOptions.Greedy, MaxTokens = 20 });
        bench.StepToEnd();
        Assert.InRange(small.Rows, prompt.Length, prompt.Length + 20);
        var rows = small.Rows;
        bench.Add(new() { Prompt = prompt, Sampling = SamplingOptions.Greedy, MaxTokens = 2, Seed = 1 });
        bench.StepToEnd();
        Assert.InRange(small.Rows - rows, 0, 5);
    }

    [Fact]
    public async Task Meter_DraftsWereTried_CountsThem()
    {
        using var drafted = new MetricCollector<long>(null, "EmbeddedLlm", "embedded_llm.tokens.drafted");
        using var accepted = new MetricCollector<long>(null, "EmbeddedLlm", "embedded_llm.tokens.accepted");
        var options = Speculative with { Model = nameof(Meter_DraftsWereTried_CountsThem) };
        var bench = new StepperBench(64, options, ScriptedRunner.Forced(4, 1));
        bench.Add(new() { Prompt = new[] { 1, 1, 1, 1 }, MaxTokens = 20 });
        bench.StepToEnd();
        await bench.CheckAnswersAsync();
        Assert.Equal(bench.Stepper.Stats.DraftedTokens, Of(drafted).EvaluateAsCounter());
        Assert.Equal(bench.Stepper.Stats.AcceptedTokens, Of(accepted).EvaluateAsCounter());
        Assert.True(bench.Stepper.Stats.AcceptedTokens > 10);

        IReadOnlyList<CollectedMeasurement<long>> Of(MetricCollector<long> collector) => [.. collector.GetMeasurementSnapshot().Where(m => (string?)m.Tags["model"] == options.Model)];
    }

    /// <summary>
    /// The third token of many requests, seeds 0, 1, 2, …, against its exact probability, summed over all that may come before it. Drafts are
    /// often right here and often wrong. Chi-square, 1 in 10 000 by chance, and no chance once the seeds are fixed.
    /// </summary>
    [Fact]
    public async Task Run_Sampled_HasTheDistributionOfTheModel()
    {
        const int Tokens = 4, Requests = 20_000;
        ScriptedRunner.Script script = static (tokens, logits) =>
        {
            logits.Fill(-100);
            for (var i = 0; i < Tokens; i++)
                logits[i] = ((tokens[^1] * 3) + (tokens[^2] * 5) + (i * 7)) % 4 * 0.7f;
        };
        int[] prompt = [0, 1, 0, 1, 0, 1];
        var bench = new StepperBench(64, Options with { Drafter = () => new GuessingDrafter(seed: 1, script) }, script);
        var counts = new int[Tokens];
        var sampling = new SamplingOptions { Temperature = 1, TopK = 0, TopP = 1, MinP = 0 };
        for (var seed = 0; seed < Requests; seed++)
        {
            var sequence = bench.Add(new() { Prompt = prompt, Seed = seed, MaxTokens = 4, Sampling = sampling });
            bench.StepToEnd();
            counts[(await sequence.Stream.ToArrayAsync())[2]]++;
        }

        var expected = new double[Tokens];
        for (var a = 0; a < Tokens; a++)
            for (var b = 0; b < Tokens; b++)
                for (var c = 0; c < Tokens; c++)
                    expected[c] += P(prompt, a) * P([.. prompt, a], b) * P([.. prompt, a, b], c);
        var chi = Enumerable.Range(0, Tokens).Sum(i => Math.Pow(counts[i] - (Requests * expected[i]), 2) / (Requests * expected[i]));
        Assert.InRange(chi, 0, 21.1);                                       // 3 degrees of freedom
        var (drafted, accepted) = (bench.Stepper.Stats.DraftedTokens, bench.Stepper.Stats.AcceptedTokens);
        Assert.InRange(accepted / (double)drafted, 0.2, 0.8);

        double P(int[] tokens, int next)
        {
            var logits = new float[Vocabulary];
            script(tokens, logits);
            return Math.Exp(logits[next]) / logits.Sum(logit => Math.Exp(logit));
        }
    }

    private sealed class FailingDrafter : IDrafter
    {
        public int Calls { get; private set; }

        public void Draft(ReadOnlySpan<Sequence> sequences)
        {
            Calls++;
            sequences[0].AppendDraft(3);
            throw new IOException("out of order");
        }

        public void Close(Sequence sequence)
        {
        }
    }
}
