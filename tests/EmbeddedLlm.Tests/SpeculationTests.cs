using EmbeddedLlm.Chat;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Sampling;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;

namespace EmbeddedLlm.Tests;

/// <summary>Speculation with real models on the CPU: answers are those of plain decoding.</summary>
public sealed class SpeculationTests
{
    private static readonly SamplingOptions[] Samplings =
    [
        SamplingOptions.Greedy,
        new() { Temperature = 0.6f },
        new() { RepetitionPenalty = 1.1f },
        new() { DryMultiplier = 0.8f },
        new() { MirostatTau = 4 },
    ];

    private static CancellationToken Test => TestContext.Current.CancellationToken;

    [Fact]
    public async Task CompleteAsync_StoriesModel_TellsTheSameWithDraftsOfAnyKind()
    {
        var path = Golden.Path("trained", "stories260K", "stories260K-f32.gguf");
        var draft = Golden.Path("trained", "stories260K", "stories260K-q4_0.gguf");
        using var plain = LlmModel.Load(path, new() { Threads = 2, Speculation = Speculation.Off });
        using var nGram = LlmModel.Load(path, new() { Threads = 2 });
        using var small = LlmModel.Load(path, new() { Threads = 2, DraftModelPath = draft });

        // Eight at a time and one after another: with and without neighbours in the batch.
        foreach (var together in (int[])[8, 3, 1])
        {
            foreach (var some in Enumerable.Range(0, 10).Chunk(together))
            {
                var expected = await Task.WhenAll(some.Select(i => CompleteAsync(plain, i)));
                Assert.Equal(expected, await Task.WhenAll(some.Select(i => CompleteAsync(nGram, i))));
                Assert.Equal(expected, await Task.WhenAll(some.Select(i => CompleteAsync(small, i))));
            }
        }

        Assert.Equal(0, plain.Stats.DraftedTokens);
        Assert.True(nGram.Stats.AcceptedTokens > 0);
        Assert.InRange(small.Stats.AcceptedTokens / (double)small.Stats.DraftedTokens, 0.4, 1);
    }

    [Fact]
    public async Task GetResponseAsync_TextRepeats_UsageTellsOfDrafts()
    {
        using var plain = LlmModel.Load(Golden.TinyModel, new() { Threads = 1, Speculation = Speculation.Off });
        using var drafting = LlmModel.Load(Golden.TinyModel, new() { Threads = 1, DraftModelPath = Golden.TinyModel });
        var options = new ChatOptions { Temperature = 0, MaxOutputTokens = 40 };

        var expected = await plain.AsIChatClient().GetResponseAsync("Hello", options, Test);
        var response = await drafting.AsIChatClient().GetResponseAsync("Hello", options, Test);

        Assert.Equal(expected.Text, response.Text);
        Assert.Null(expected.Usage!.AdditionalCounts);
        Assert.Equal(expected.Usage.OutputTokenCount, response.Usage!.OutputTokenCount);
        var counts = response.Usage.AdditionalCounts!;
        Assert.Equal(counts["drafted_tokens"], counts["accepted_tokens"]);  // it is its own draft model
        Assert.InRange(counts["accepted_tokens"], 1, expected.Usage.OutputTokenCount!.Value);
    }

    [Fact]
    public void Load_DraftModel_IsLogged()
    {
        using var logs = new FakeLoggerProvider();
        using var model = LlmModel.Load(Golden.TinyModel, new() { Threads = 1, DraftModelPath = Golden.TinyModel }, LoggerFactory.Create(logging => logging.AddProvider(logs)));

        Assert.Contains(logs.Collector.GetSnapshot(), record => record.Id.Id == 2007 && record.Message.Contains(Golden.TinyModel, StringComparison.Ordinal));
    }

    [Fact]
    public void Load_DraftModelOfAnotherSize_SaysBoth()
    {
        var failure = Assert.Throws<UnsupportedModelException>(() => LlmModel.Load(Golden.TinyModel, new() { Threads = 1, DraftModelPath = Golden.Repo("models", "llama", "model.gguf") }));
        Assert.Contains("512", failure.Message, StringComparison.Ordinal);
        Assert.Contains("vocabulary", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_DraftModelWithOtherTokens_NamesTheFirst()
    {
        using var folder = new TemporaryFolder();
        using (var file = GgufFile.Open(Golden.TinyModel))
        {
            var writer = GgufWriter.From(file);
            var tokens = file.Metadata.GetStrings("tokenizer.ggml.tokens").ToArray();
            tokens[^1] = "another";
            writer.Set("tokenizer.ggml.tokens", GgufValue.Of(tokens));
            writer.Save(folder.File("other.gguf"));
        }

        var failure = Assert.Throws<UnsupportedModelException>(() => LlmModel.Load(Golden.TinyModel, new() { Threads = 1, DraftModelPath = folder.File("other.gguf") }));
        Assert.Contains("'another'", failure.Message, StringComparison.Ordinal);
        File.Delete(folder.File("other.gguf"));                             // nothing holds it
    }

    private static async Task<string> CompleteAsync(LlmModel model, int i) =>
        (await model.CompleteAsync(
            i % 2 == 0 ? "Once upon a time" : "Tim and Lily, Tim and Lily, Tim and",
            new GenerationOptions { Sampling = Samplings[i % Samplings.Length], Seed = i, MaxOutputTokens = 100 + i },
            Test)).Text;
}
