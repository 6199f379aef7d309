using EmbeddedLlm.Chat;
using EmbeddedLlm.Cpu;
using EmbeddedLlm.Engine;
using EmbeddedLlm.Engine.Drafts;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Models;
using EmbeddedLlm.Sampling;
using EmbeddedLlm.Tests.Engine;
using EmbeddedLlm.Tests.Models;
using Microsoft.Extensions.Logging.Abstractions;

namespace EmbeddedLlm.Tests;

/// <summary>Models with states in the whole engine: answers are those of plain decoding, whatever runs beside them and wherever they go on from.</summary>
public sealed class RecurrentModelTests
{
    private static CancellationToken Test => TestContext.Current.CancellationToken;

    public static TheoryData<string> Models => ["granitehybrid", "lfm2", "mamba2", "qwen35"];

    [Theory, MemberData(nameof(Models))]
    public async Task Start_TwoRequestsWithASharedPrompt_AnswerAsAloneAndTheSecondIsCached(string name)
    {
        int[] prompt = [.. Prompt(name), .. Prompt(name)];
        int[] other = [.. prompt[..70], 17, 4, 99];
        var expected = await AnswerAsync(name, drafts: false, [prompt]);
        var expectedOther = await AnswerAsync(name, drafts: false, [other]);

        foreach (var drafts in (bool[])[false, true])
        {
            using var file = GgufFile.Open(Golden.Path("models", name, "model.gguf"));
            var graph = ModelLoader.Load(file).Graph;
            using var runner = new CpuBackend().Load(graph, new() { KvBlocks = 64, StateSlots = 24, Threads = 2 });
            using var engine = new InferenceEngine(runner, Sizes(graph.Logits.Width, drafts), NullLogger.Instance);

            var first = engine.Start(Request(prompt), Test);
            Assert.Equal(expected[0], await first.ToArrayAsync());
            Assert.Equal(0, first.CachedTokens);

            // 70 tokens are shared, of which two blocks are whole; the state behind the second was kept for the first request's prompt.
            var second = engine.Start(Request(other), Test);
            Assert.Equal(expectedOther[0], await second.ToArrayAsync());
            Assert.Equal(64, second.CachedTokens);
        }
    }

    [Theory, MemberData(nameof(Models))]
    public async Task Start_ManyRequestsTogether_AnswerAsEachAlone(string name)
    {
        int[][] prompts = [.. Enumerable.Range(0, 12).Select(i => Prompt(name)[..(3 + 5 * i % 40)])];
        var expected = new List<int[]>();
        foreach (var prompt in prompts)
            expected.AddRange(await AnswerAsync(name, drafts: false, [prompt]));

        Assert.Equal(expected, await AnswerAsync(name, drafts: false, prompts));
        Assert.Equal(expected, await AnswerAsync(name, drafts: true, prompts));
    }

    [Fact]
    public async Task CompleteAsync_AHybridModel_RepeatsItself()
    {
        using var model = LlmModel.Load(Golden.Path("models", "granitehybrid", "model.gguf"), new() { Threads = 1 });
        var options = new GenerationOptions { Sampling = SamplingOptions.Greedy, MaxOutputTokens = 40 };
        var text = string.Concat(Enumerable.Repeat("The river went down to the sea. ", 10));

        var first = await model.CompleteAsync(text, options, Test);
        var second = await model.CompleteAsync(text, options, Test);

        Assert.Equal(first.Text, second.Text);
        Assert.True(second.Usage.CachedInputTokenCount > 0);
    }

    [Fact]
    public void Load_ARecurrentDraftModel_IsRefusedByName()
    {
        var path = Golden.Path("models", "mamba2", "model.gguf");
        var failure = Assert.Throws<UnsupportedModelException>(() => LlmModel.Load(path, new() { Threads = 1, DraftModelPath = path }));
        Assert.Contains("mamba2", failure.Message, StringComparison.Ordinal);
    }

    private static int[] Prompt(string name) => GoldenModels.Tokens(Golden.Path("models", name, "tokens.json"));

    private static EngineOptions Sizes(int vocabulary, bool drafts) => new()
    {
        ContextLength = 256,
        VocabularySize = vocabulary,
        MaxBatchRows = 64,
        MaxSequences = 8,
        StateSlots = 24,
        Drafter = drafts ? () => new NGramDrafter() : null,
    };

    private static GenerationRequest Request(int[] prompt) => new() { Prompt = prompt, Sampling = SamplingOptions.Greedy, Seed = 1, MaxTokens = 40 };

    private static async Task<int[][]> AnswerAsync(string name, bool drafts, int[][] prompts)
    {
        using var file = GgufFile.Open(Golden.Path("models", name, "model.gguf"));
        var graph = ModelLoader.Load(file).Graph;
        using var runner = new CpuBackend().Load(graph, new() { KvBlocks = 64, StateSlots = 24, Threads = 2 });
        using var engine = new InferenceEngine(runner, Sizes(graph.Logits.Width, drafts), NullLogger.Instance);
        return await Task.WhenAll(prompts.Select(prompt => engine.Start(Request(prompt), Test).ToArrayAsync()));
    }
}
