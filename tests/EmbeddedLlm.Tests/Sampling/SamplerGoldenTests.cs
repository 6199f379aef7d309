using System.Collections.Immutable;
using System.Text.Json.Nodes;
using EmbeddedLlm.Sampling;

namespace EmbeddedLlm.Tests.Sampling;

/// <summary>The sampler cases of llama.cpp's tests, but for top-n-sigma, which this library does not have.</summary>
public sealed class SamplerGoldenTests
{
    private static readonly string[] Ours = ["temp", "temp_ext", "top_k", "top_p", "min_p", "xtc", "typical", "penalties", "dry", "queue"];

    public static TheoryData<string> Cases
    {
        get
        {
            var cases = new TheoryData<string>();
            if (Golden.IsPresent)
                foreach (var line in File.ReadLines(Golden.Path("grammar", "sampling.jsonl")))
                    if (Ours.Contains((string)JsonNode.Parse(line)!["sampler"]!))
                        cases.Add(line);
            if (cases.Count == 0)
                cases.Add("");
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Step_OfLlamaCpp_GivesItsProbabilities(string line)
    {
        Golden.Path("grammar", "sampling.jsonl");
        var test = JsonNode.Parse(line)!;
        if ((string)test["sampler"]! == "queue")
            CheckQueue(test);
        else
            CheckProbabilities(test);
    }

    private static void CheckProbabilities(JsonNode test)
    {
        var logits = Floats(test["probs"]).Select(p => MathF.Log(p)).ToArray();
        var expected = Floats(test["expected"]);
        var scratch = new SamplerScratch(logits.Length);
        var history = (test["last_tokens"] as JsonArray ?? []).Select(t => (int)t!).ToArray();
        float Number(string name) => (float)test[name]!;

        if ((string)test["sampler"]! is "temp" or "temp_ext" && Number("temp") == 0)
        {
            var token = new Sampler(SamplingOptions.Greedy, 0).Sample(logits, history, scratch);
            Assert.Equal(Array.IndexOf(expected, 1), token);
            return;
        }

        ILogitsProcessor step = (string)test["sampler"]! switch
        {
            "temp" or "temp_ext" => new Temperature(Number("temp")),        // the golden cases of temp_ext have delta 0
            "top_k" => new TopK((int)test["k"]! is > 0 and var k ? k : int.MaxValue),
            "top_p" => new TopP(Number("p")),
            "min_p" => new MinP(Number("p")),
            "xtc" => new Xtc(1, Number("t"), new(0)),
            "typical" => new TypicalP(Number("p")),
            "penalties" => new Penalties(history.Length, Number("repeat_penalty"), Number("alpha_frequency"), Number("alpha_presence")),
            "dry" => new Dry(Number("dry_multiplier"), Number("dry_base"), (int)test["dry_allowed_length"]!, (int)test["dry_penalty_last_n"]!,
                ((JsonArray)test["seq_breakers"]!).Select(b => (int)((JsonArray)b!).Single()!).ToImmutableHashSet()),
            var other => throw new InvalidOperationException(other),
        };
        var isOff = (string)test["sampler"]! is "top_k" && (int)test["k"]! == 0 || (string)test["sampler"]! is "top_p" && Number("p") == 1;

        var candidates = new Candidates(logits, scratch);
        if (!isOff)
            step.Apply(ref candidates, history);

        var total = expected.Sum();                                        // of XTC and typical, what is left does not add up to 1
        var logSum = candidates.LogSum();
        Assert.Equal(expected.Length, candidates.Count);
        for (var i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i] / total, MathF.Exp(candidates.Logits[i] - logSum), 1e-5f);
    }

    // Token i has probability i / Σ, so what each cut keeps can be counted in whole numbers.
    private static void CheckQueue(JsonNode test)
    {
        var count = (int)test["n_vocab"]!;
        var (topK, topP, minP) = ((int)test["top_k"]!, (float)test["top_p"]!, (float)test["min_p"]!);
        var logits = Enumerable.Range(0, count).Select(i => MathF.Log(i)).ToArray();
        var candidates = new Candidates(logits, new SamplerScratch(count));
        var least = 0L;                                                     // the ids least … count − 1 are left
        foreach (var step in (string)test["sequence"]!)
        {
            if (step == 'k')
            {
                new TopK(topK).Apply(ref candidates, []);
                least = Math.Max(least, count - topK);
            }
            else if (step == 'p' && topP < 1)
            {
                new TopP(topP).Apply(ref candidates, []);
                var target = Math.Ceiling(topP * ((count * (count - 1L) - least * (least - 1)) / 2));
                var sum = 0L;
                least = count;
                do
                    sum += --least;
                while (sum < target);
            }
            else if (step == 'm')
            {
                new MinP(minP).Apply(ref candidates, []);
                least = Math.Max(Math.Max(least, 1), (long)Math.Ceiling((double)minP * (count - 1)));   // token 0 has probability 0
            }

            Assert.Equal(Enumerable.Range((int)least, count - (int)least), candidates.Ids.ToArray().Order());
            if (candidates.IsSorted)
                Assert.Equal([count - 1, (int)least], [candidates.Ids[0], candidates.Ids[^1]]);
        }
    }

    private static float[] Floats(JsonNode? array) => [.. ((JsonArray)array!).Select(v => (float)v!)];
}
