using EmbeddedLlm.Engine;
using EmbeddedLlm.Engine.Drafts;
using EmbeddedLlm.Sampling;

namespace EmbeddedLlm.Tests.Engine;

/// <summary>What engine tests share.</summary>
internal static class EngineTesting
{
    public const int Vocabulary = 40;

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
        while (answer.Count < request.MaxTokens && tokens.Count < contextLength)
        {
            (script ?? ScriptedRunner.Hashed)([.. tokens], logits);
            var token = sampler.Sample(logits, [.. tokens], scratch);
            if (request.StopTokens.Contains(token))
                break;
            tokens.Add(token);
            answer.Add(token);
        }
        return [.. answer];
    }

    /// <summary>A request with a prompt that shares its beginning with some others.</summary>
    public static GenerationRequest RandomRequest(Random random, int maxPrompt = 40, int maxTokens = 30)
    {
        var prefix = random.Next(4);
        var prompt = Enumerable.Range(0, random.Next(1, maxPrompt)).Select(i => i < 12 ? (i * 7 + prefix) % Vocabulary : random.Next(Vocabulary)).ToArray();
        return new()
        {
            Prompt = prompt,
            Seed = random.NextInt64(),
            MaxTokens = random.Next(1, maxTokens),
            StopTokens = new HashSet<int> { random.Next(Vocabulary) },
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
