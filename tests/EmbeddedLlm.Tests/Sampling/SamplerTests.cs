using CsCheck;
using EmbeddedLlm.Sampling;

namespace EmbeddedLlm.Tests.Sampling;

public sealed class SamplerTests
{
    private static readonly SamplingOptions Plain = new() { Temperature = 1, TopK = 0, TopP = 1, MinP = 0 };

    [Fact]
    public void Sample_TemperatureZero_TakesTheFirstOfTheGreatest()
        => Assert.Equal(2, Sample(SamplingOptions.Greedy, 1, [0, 1, 5, 5, -3]));

    [Fact]
    public void Sample_GreedyWithBias_TakesTheBiasedToken()
    {
        var options = SamplingOptions.Greedy with { LogitBias = new Dictionary<int, float> { [2] = float.NegativeInfinity, [0] = 4.5f, [99] = 1 } };
        Assert.Equal(0, Sample(options, 1, [1, 5, 7]));
    }

    [Fact]
    public void Sample_GreedyWithPenalty_LeavesTheRepeatedToken()
        => Assert.Equal(1, Sample(SamplingOptions.Greedy with { PresencePenalty = 3 }, 1, [1, 5, 7], history: [2]));

    [Fact]
    public void Sample_PenaltyWindow_LooksNoFurtherBack()
        => Assert.Equal(2, Sample(SamplingOptions.Greedy with { PresencePenalty = 3, PenaltyWindow = 2 }, 1, [1, 5, 7], history: [2, 0, 0]));

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Sample_LogitIsNotANumber_Throws(float bad)
    {
        Assert.Throws<LlmException>(() => Sample(SamplingOptions.Default, 1, [0, bad, 1]));
        Assert.Throws<LlmException>(() => Sample(SamplingOptions.Greedy, 1, [0, bad, 1]));
    }

    [Fact]
    public void Sample_EveryTokenForbidden_Throws()
    {
        float[] none = [float.NegativeInfinity, float.NegativeInfinity];
        Assert.Throws<LlmException>(() => Sample(SamplingOptions.Default, 1, none));
        Assert.Throws<LlmException>(() => Sample(SamplingOptions.Greedy, 1, none));
    }

    [Fact]
    public void Sample_Plain_DrawsWithTheProbabilitiesOfTheLogits()
    {
        float[] probabilities = [0.5f, 0.3f, 0f, 0.2f];
        var counts = Draw(Plain, probabilities, 20_000);
        Assert.Equal(0, counts[2]);
        for (var i = 0; i < probabilities.Length; i++)
            Assert.Equal(probabilities[i], counts[i] / 20_000f, 0.015f);
    }

    [Fact]
    public void Sample_Temperature_SharpensAndFlattens()
    {
        // p^(1/T), normalised: 0.8 and 0.2 become 0.64 : 0.04 at T = 0.5 and 0.894 : 0.447 at T = 2.
        Assert.Equal(0.941f, Draw(Plain with { Temperature = 0.5f }, [0.8f, 0.2f], 20_000)[0] / 20_000f, 0.015f);
        Assert.Equal(0.667f, Draw(Plain with { Temperature = 2 }, [0.8f, 0.2f], 20_000)[0] / 20_000f, 0.015f);
    }

    [Fact]
    public void Sample_TinyTemperature_IsGreedy()
        => Assert.Equal(1, Sample(Plain with { Temperature = 1e-38f }, 3, [3, 4, -50]));

    [Fact]
    public void Sample_XtcThatAlwaysActs_NeverTakesTheTopChoice()
    {
        var counts = Draw(Plain with { XtcProbability = 1, XtcThreshold = 0.25f }, [0.4f, 0.3f, 0.2f, 0.1f], 1000);
        Assert.Equal(0, counts[0]);
        Assert.True(counts[1] > counts[2] && counts[2] > counts[3] && counts[3] > 0);
    }

    [Fact]
    public void Sample_XtcWithAChance_ActsThatOften()
    {
        // Acting leaves only token 1; not acting gives token 0 in 60 %: 0.25 · 0 + 0.75 · 0.6.
        var counts = Draw(Plain with { XtcProbability = 0.25f, XtcThreshold = 0.1f }, [0.6f, 0.4f], 20_000);
        Assert.Equal(0.45f, counts[0] / 20_000f, 0.015f);
    }

    [Theory]
    [InlineData(1f)]
    [InlineData(3f)]
    [InlineData(5f)]
    public void Sample_Mirostat_KeepsTheSurpriseNearItsAim(float tau)
    {
        // Zipf, 5000 tokens: 9.7 bits per token without a cut.
        var logits = Enumerable.Range(1, 5000).Select(i => -MathF.Log(i)).ToArray();
        var sampler = new Sampler(Plain with { MirostatTau = tau }, 7);
        var scratch = new SamplerScratch(logits.Length);
        var drawn = Enumerable.Range(0, 4000).Select(_ => sampler.Sample([.. logits], [], scratch)).Skip(100).ToArray();
        // What mirostat measures is the surprise among the tokens it left; over many draws their entropy is near tau.
        var entropy = drawn.GroupBy(t => t).Sum(g => -(double)g.Count() / drawn.Length * Math.Log2((double)g.Count() / drawn.Length));
        Assert.Equal(tau, entropy, 0.7);
    }

    [Fact]
    public void Sample_SameSeed_GivesTheSameTokens()
    {
        var options = new SamplingOptions { XtcProbability = 0.5f, TypicalP = 0.9f };
        var random = new Random(5);
        var rows = Enumerable.Range(0, 200).Select(_ => Enumerable.Range(0, 300).Select(_ => random.NextSingle() * 4).ToArray()).ToArray();
        int[] Run(long seed)
        {
            var sampler = new Sampler(options, seed);
            var scratch = new SamplerScratch(300);
            return [.. rows.Select(row => sampler.Sample([.. row], [], scratch))];
        }
        Assert.Equal(Run(11), Run(11));
        Assert.NotEqual(Run(11), Run(12));
    }

    [Fact]
    public void Next_OfSeedZero_IsXoshiroOnSplitMix()
    {
        // The published splitmix64 sequence of seed 0 gives the state; the first output is rotl(state[1] · 5, 7) · 9.
        Assert.Equal(unchecked(System.Numerics.BitOperations.RotateLeft(0x6E789E6AA1B965F4UL * 5, 7) * 9), new Xoshiro256(0).Next());
        Assert.Equal(0x99EC5F36CB75F2B4UL, new Xoshiro256(0).Next());
    }

    [Fact]
    public void TopK_OfAnyLogits_IsTheFrontOfTheSortedVocabulary()
        => Gen.Select(Gen.Int[1, 300].SelectMany(n => Gen.Int[-20, 20].Array[n]), Gen.Int[1, 60]).Sample((values, k) =>
        {
            var logits = values.Select(v => v / 4f).ToArray();
            var expected = Enumerable.Range(0, logits.Length).OrderByDescending(i => values[i]).ThenBy(i => i).Take(Math.Min(k, logits.Length)).ToArray();
            var candidates = new Candidates([.. logits], new SamplerScratch(logits.Length));
            new TopK(k).Apply(ref candidates, []);
            var found = candidates.Ids.ToArray();
            if (k < logits.Length)
                Assert.Equal(expected, found);
            Assert.Equal(expected.Select(i => logits[i]), candidates.Logits.ToArray());
            Assert.Equal(candidates.Logits.ToArray(), found.Select(i => logits[i]));
        }, iter: 1000);

    [Fact]
    public void TopP_OfAnyLogits_IsTheShortestFrontThatReachesP()
        => Gen.Select(Gen.Float[-8, 8].Array[1, 300], Gen.Float[0, 0.999f]).Sample((logits, p) =>
        {
            var candidates = new Candidates([.. logits], new SamplerScratch(logits.Length));
            var logSum = candidates.LogSum();
            new TopP(p).Apply(ref candidates, []);
            var mass = candidates.Ids.ToArray().Select(i => Math.Exp(logits[i] - logSum)).ToArray();
            Assert.Equal(logits.OrderDescending().Take(candidates.Count), candidates.Logits.ToArray());
            Assert.True(mass.Sum() >= p - 1e-4);
            Assert.True(mass.Length == 1 || mass.SkipLast(1).Sum() < p + 1e-4);
        }, iter: 1000);

    [Fact]
    public void Sample_AnyOptionsAndLogits_GivesAnAllowedToken()
    {
        var options = Gen.Select(Gen.Float[0, 2], Gen.Int[0, 50], Gen.Float[0, 1], Gen.Float[0, 1], Gen.Float[0, 1], Gen.Float[0, 1], Gen.Float[0, 3], Gen.Float[0, 6])
            .Select(v => new SamplingOptions
            {
                Temperature = v.Item1,
                TopK = v.Item2,
                TopP = v.Item3,
                MinP = v.Item4,
                TypicalP = v.Item5,
                XtcProbability = v.Item6,
                DryMultiplier = v.Item7,
                MirostatTau = v.Item8 > 4 ? v.Item8 : 0,
                RepetitionPenalty = 1.3f,
                PresencePenalty = 0.5f,
                FrequencyPenalty = -0.25f,
            });
        var logit = Gen.Frequency((6, Gen.Float[-30, 30]), (1, Gen.Const(float.NegativeInfinity)), (1, Gen.Const(0f)));
        Gen.Select(options, logit.Array[1, 100], Gen.Int[0, 99].Array[0, 80], Gen.Long).Sample((sampling, logits, tokens, seed) =>
        {
            logits[0] = Math.Max(logits[0], -30);
            var scratch = new SamplerScratch(logits.Length);
            var sampler = new Sampler(sampling, seed);
            int[] history = [.. tokens.Where(t => t < logits.Length)];
            for (var i = 0; i < 3; i++)
                Assert.True(logits[sampler.Sample([.. logits], history, scratch)] > float.NegativeInfinity);
            Assert.All(scratch.PerToken, count => Assert.Equal(0, count));
        }, iter: 2000);
    }

    [Theory]
    [InlineData(50)]
    [InlineData(5000)]
    public void Sample_AnyOptionsAndLogits_DrawsWhatTheDefinitionDraws(int most)
    {
        var options = Gen.Select(OneOf(0f, 0.1f, 0.8f, 1f, 1.7f), OneOf(0, 0, 1, 40, 700), OneOf(1f, 1f, 0f, 0.5f, 0.95f, 0.999f), OneOf(0f, 0f, 0.05f, 0.5f, 1e-4f), OneOf(0f, 0f, 0.5f))
            .Select((temperature, topK, topP, minP, xtc) => new SamplingOptions
            {
                Temperature = temperature,
                TopK = topK,
                TopP = topP,
                MinP = minP,
                XtcProbability = xtc,
                XtcThreshold = 0.05f,
                RepetitionPenalty = 1.2f,
                FrequencyPenalty = 0.1f,
                PresencePenalty = -0.2f,
                LogitBias = new Dictionary<int, float> { [0] = 1.5f },
            });
        // Many equal logits, or few; a flat distribution, or one with peaks.
        var values = Gen.Select(Gen.Int[1, most], Gen.Int, OneOf(0.5, 2.5), OneOf(0f, 4f), Gen.Int[0, 10]).Select((count, seed, spread, steps, peaks) =>
        {
            var random = new Random(seed);
            float Round(double value) => (float)(steps > 0 ? Math.Round(value * steps) / steps : value);
            return Enumerable.Range(0, count).Select(i => i < peaks ? 10 - i : Round(spread * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(6.2831853 * random.NextDouble()))).ToArray();
        });
        var (all, compared) = (0, 0);
        Gen.Select(options, values, Gen.Long).Sample((sampling, logits, seed) =>
        {
            int[] history = [.. Enumerable.Range(0, 100).Select(i => (int)((uint)(i * 31) % logits.Length))];
            var plain = new PlainSampler(sampling, seed);
            var sampler = new Sampler(sampling, seed);
            var scratch = new SamplerScratch(logits.Length);
            for (var i = 0; i < 3; i++)
            {
                var expected = plain.Sample(logits, history);
                var token = sampler.Sample([.. logits], history, scratch);
                Interlocked.Increment(ref all);
                if (plain.IsClose)
                    break;
                Assert.Equal(expected, token);
                Interlocked.Increment(ref compared);
            }
        }, iter: most < 1000 ? 3000 : 500);
        Assert.True(compared > 0.7 * all, $"Only {compared} of {all} could be compared.");
    }

    [Fact]
    public void TopP_BesideMinP_KeepsWhatOneAfterTheOtherKeeps()
        => Gen.Select(Gen.Float[-8, 8].Array[1, 2000], Gen.Float[0, 0.999f], Gen.Float[1e-5f, 1]).Sample((logits, topP, minP) =>
        {
            int[] Kept(params ILogitsProcessor[] cuts)
            {
                var candidates = new Candidates([.. logits], new SamplerScratch(logits.Length));
                foreach (var cut in cuts)
                    cut.Apply(ref candidates, []);
                return [.. candidates.Ids.ToArray().Order()];
            }

            var together = Kept(new TopP(topP, minP), new MinP(minP));
            var apart = Kept(new TopP(topP), new MinP(minP));
            Assert.InRange(together.Length, apart.Length - 1, apart.Length + 1);    // the sums are rounded differently
            Assert.Equal(Enumerable.Range(0, logits.Length).OrderByDescending(i => logits[i]).Take(together.Length).Order(), together);
        }, iter: 1000);

    [Fact]
    public void Dry_OfAnyHistory_EqualsItsDefinition()
        => Gen.Select(Gen.Int[0, 3].Array[0, 40], Gen.Int[1, 4], Gen.Int[0, 45], Gen.Bool).Sample((history, allowed, window, breaks) =>
        {
            int[] breakers = breaks ? [3] : [];
            var logits = new float[4];
            var candidates = new Candidates(logits, new SamplerScratch(4));
            new Dry(1, 2, allowed, window, breakers.ToHashSet()).Apply(ref candidates, history);

            var recent = history.TakeLast(window).ToArray();
            var expected = new float[4];
            for (var token = 0; token < 4; token++)
                for (var at = 1; at < recent.Length; at++)
                {
                    // How far the text before this earlier place agrees with the end of the text.
                    var length = 0;
                    while (length < at && recent[at - 1 - length] == recent[^(1 + length)] && !breakers.Contains(recent[^(1 + length)]))
                        length++;
                    if (recent[at] == token && length >= allowed && !breakers.Contains(token))
                        expected[token] = Math.Min(expected[token], -MathF.Pow(2, length - allowed));
                }
            Assert.Equal(expected, logits);
        }, iter: 3000);

    [Fact]
    public void Sample_PerToken_AllocatesNothing()
    {
        var options = new SamplingOptions { RepetitionPenalty = 1.1f, DryMultiplier = 0.8f, TypicalP = 0.9f, XtcProbability = 0.5f };
        var random = new Random(1);
        var row = Enumerable.Range(0, 32_000).Select(_ => random.NextSingle() * 10).ToArray();
        var logits = new float[row.Length];
        var history = Enumerable.Range(0, 500).Select(_ => random.Next(row.Length)).ToArray();
        var scratch = new SamplerScratch(row.Length);
        var samplers = new[]
        {
            new Sampler(options, 1), new Sampler(options with { TopK = 0 }, 1), new Sampler(options with { MirostatTau = 5 }, 1),
            new Sampler(SamplingOptions.Greedy, 1), new Sampler(Plain, 1), new Sampler(Plain with { TopP = 0.95f }, 1), new Sampler(Plain with { TopP = 0.95f, MinP = 0.05f }, 1),
        };
        void Sample()
        {
            foreach (var sampler in samplers)
            {
                row.CopyTo(logits, 0);
                sampler.Sample(logits, history, scratch);
            }
        }
        Sample();
        var before = GC.GetAllocatedBytesForCurrentThread();
        Sample();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static Gen<T> OneOf<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    private static int Sample(SamplingOptions options, long seed, float[] logits, int[]? history = null)
        => new Sampler(options, seed).Sample(logits, history ?? [], new SamplerScratch(logits.Length));

    private static int[] Draw(SamplingOptions options, float[] probabilities, int times)
    {
        var sampler = new Sampler(options, 42);
        var scratch = new SamplerScratch(probabilities.Length);
        var counts = new int[probabilities.Length];
        for (var i = 0; i < times; i++)
            counts[sampler.Sample([.. probabilities.Select(p => MathF.Log(p))], [], scratch)]++;
        return counts;
    }
}
