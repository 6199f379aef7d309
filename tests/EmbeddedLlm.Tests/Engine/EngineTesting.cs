using EmbeddedLlm.Engine;
using EmbeddedLlm.Engine.Drafts;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Grammar;
using EmbeddedLlm.Sampling;
using EmbeddedLlm.Tests.Tokenization;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Tests.Engine;

/// <summary>What engine tests share.</summary>
internal static class EngineTesting
{
    public const int Vocabulary = 40;

    /// <summary>A letter or digit for each token but the end token and a few that write nothing.</summary>
    private static readonly Tokenizer Letters = Tokenizer.FromGguf(VocabularyFiles.Metadata(
        ("tokenizer.ggml.model", GgufValue.Of("gpt2")),
        ("tokenizer.ggml.pre", GgufValue.Of("gpt-2")),
        ("tokenizer.ggml.tokens", GgufValue.Of((string[])["<eos>", .. "abcdefghijklmnopqrstuvwxyz0123456789".Select(letter => letter.ToString()), "abc", "<x>", "<y>"])),
        ("tokenizer.ggml.token_type", GgufValue.Of([3, .. Enumerable.Repeat(1, 37), 3, 3])),
        ("tokenizer.ggml.merges", GgufValue.Of((string[])["a b", "ab c"])),
        ("tokenizer.ggml.eos_token_id", GgufValue.Of(0))));

    // Some with long stretches without a choice, some that end, some that need not.
    private static readonly Constraint[] Constraints =
        [.. new[] { "(abc(defghijk|lmnopqrs)+t)*", "[a-z]{1,5}0123456789[a-z]*", "(abcabc|ab0){2,40}", "x(yz)*" }.Select(pattern => Constraint.FromRegex(pattern, Letters))];

    public static EngineOptions Options { get; } = new() { ContextLength = 64, VocabularySize = Vocabulary, KvBlockTokens = 4, MaxBatchRows = 16, MaxSequences = 8, Model = "scripted" };

    /// <summary>Drafters of every kind, none among them.</summary>
    public static IReadOnlyList<Func<IDrafter>?> Drafters { get; } =
    [
        null,
        () => new NGramDrafter(),
        () => new GuessingDrafter(seed: 1),
        () => new ModelDrafter(new ScriptedRunner(Vocabulary, 64, Options.KvBlockTokens), Options),
        () => new ModelDrafter(new ScriptedRunner(Vocabulary, 20, Options.KvBlockTokens), Options with { ContextLength = 32 }),     // little memory, a short context
    ];

    /// <summary>The tokens a request must get, whatever runs beside it: sampled one by one, without an engine.</summary>
    public static int[] Alone(GenerationRequest request, int contextLength = 64, ScriptedRunner.Script? script = null)
    {
        var sampler = new Sampler(request.Sampling, request.Seed!.Value);
        var scratch = new SamplerScratch(Vocabulary);
        var logits = new float[Vocabulary];
        List<int> tokens = [.. request.Prompt.Span];
        List<int> answer = [];
        var state = request.Constraint?.Start();
        var mask = new ulong[request.Constraint?.MaskLength ?? 0];
        while (answer.Count < request.MaxTokens && tokens.Count < contextLength && state is not { IsFinal: true })
        {
            (script ?? ScriptedRunner.Hashed)([.. tokens], logits);
            state?.FillMask(mask);
            var token = sampler.Sample(logits, [.. tokens], scratch, mask);
            foreach (var next in (int[])[token, .. request.StopTokens.Contains(token) ? [] : After(state, token)])
            {
                if (request.StopTokens.Contains(next))
                    return [.. answer];
                if (answer.Count == request.MaxTokens || tokens.Count == contextLength)
                    break;
                tokens.Add(next);
                answer.Add(next);
            }
        }
        return [.. answer];
    }

    // The tokens to which a constraint leaves no choice.
    private static int[] After(ConstraintState? state, int token)
    {
        if (state is null)
            return [];
        Assert.True(state.Accept(token));
        var forced = state.Forced();
        Assert.All(forced, next => Assert.True(state.Accept(next)));
        return forced;
    }

    /// <summary>A request with a prompt that shares its beginning with some others.</summary>
    public static GenerationRequest RandomRequest(Random random, int maxPrompt = 40, int maxTokens = 30)
    {
        var prefix = random.Next(4);
        var constraint = random.Next(3) == 0 ? Constraints[random.Next(Constraints.Length)] : null;
        var prompt = Enumerable.Range(0, random.Next(1, maxPrompt)).Select(i => i < 12 ? (i * 7 + prefix) % Vocabulary : random.Next(Vocabulary)).ToArray();
        return new()
        {
            Prompt = prompt,
            Seed = random.NextInt64(),
            MaxTokens = random.Next(1, maxTokens),
            StopTokens = new HashSet<int> { random.Next(Vocabulary), Letters.EosId!.Value },
            Constraint = constraint,
            SharesPrefix = random.Next(5) > 0,
            Sampling = new() { Temperature = random.Next(3) * 0.7f, PresencePenalty = random.Next(2), DryMultiplier = random.Next(2), MirostatTau = random.Next(4) == 0 ? 3 : 0 },
        };
    }

    public static async Task<int[]> ToArrayAsync(this TokenStream stream)
    {
        List<int> tokens = [];
        await foreach (var token in stream)
            tokens.Add(token);
        return [.. tokens];
    }
}
