using System.Numerics.Tensors;
using EmbeddedLlm.Embeddings;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Testing;
using EmbeddedLlm.Tests.Models;
using EmbeddedLlm.Tokenization;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;

namespace EmbeddedLlm.Tests.Embeddings;

public sealed class EmbeddedEmbeddingGeneratorTests
{
    private static readonly string[] Texts = ["The cat sat on the mat.", "a", "Colourless green ideas sleep furiously; so they say, and they may be right.", "The cat sat on the mat.", "42"];

    /// <summary>An encoder, and a decoder that takes the last row.</summary>
    public static TheoryData<string> Models => ["gemma-embedding", "qwen3_reranker_like"];

    private static CancellationToken Test => TestContext.Current.CancellationToken;

    private static LlmModel Load(string name = "gemma-embedding", Action<LlmOptions>? configure = null, ILoggerFactory? logs = null)
    {
        var options = new LlmOptions { Threads = 2 };
        configure?.Invoke(options);
        return LlmModel.Load(Golden.Path("models", name, "model.gguf"), options, logs);
    }

    private static async Task<float[]> VectorAsync(LlmModel model, string text, EmbeddingGenerationOptions? options = null) =>
        (await model.AsIEmbeddingGenerator().GenerateVectorAsync(text, options, Test)).ToArray();

    [Theory, MemberData(nameof(Models))]
    public async Task Generate_OfAText_IsTheNormalizedPoolOfItsRows(string name)
    {
        using var model = Load(name);

        var found = await VectorAsync(model, Texts[0]);

        var rows = GoldenModels.Logits(new ReferenceBackend(), Golden.Path("models", name, "model.gguf"), model.Tokenizer.Encode(Texts[0], parseSpecial: false), pooling: Pooling.None);
        var width = found.Length;
        var pooled = name == "gemma-embedding"
            ? [.. Enumerable.Range(0, width).Select(i => Enumerable.Range(0, rows.Length / width).Average(row => rows[row * width + i]))]
            : rows[^width..];
        TensorPrimitives.Divide(pooled, TensorPrimitives.Norm<float>(pooled), pooled);
        Assert.All(pooled.Zip(found), pair => Assert.Equal(pair.First, pair.Second, 1e-3f));
        Assert.Equal(1, TensorPrimitives.Norm<float>(found), 1e-5f);
    }

    [Theory, MemberData(nameof(Models))]
    public async Task Generate_ManyTexts_AreTheSameBitsAsOneByOne(string name)
    {
        using var model = Load(name);

        var together = await model.AsIEmbeddingGenerator().GenerateAsync(Texts, cancellationToken: Test);

        Assert.Equal(Texts.Length, together.Count);
        for (var i = 0; i < Texts.Length; i++)
            Assert.Equal(await VectorAsync(model, Texts[i]), together[i].Vector.ToArray());
    }

    [Fact]
    public async Task Generate_ConcurrentCalls_EachGetTheirOwn()
    {
        using var model = Load();
        var expected = new List<float[]>();
        foreach (var text in Texts)
            expected.Add(await VectorAsync(model, text));

        var found = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => VectorAsync(model, Texts[i % Texts.Length])));

        Assert.All(found.Index(), item => Assert.Equal(expected[item.Index % Texts.Length], item.Item));
    }

    [Fact]
    public async Task Generate_Response_HasUsageModelAndDate()
    {
        using var model = Load(configure: options => options.ModelId = "mine");
        var generator = model.AsIEmbeddingGenerator();

        var embeddings = await generator.GenerateAsync(Texts, cancellationToken: Test);

        var tokens = Texts.Sum(text => model.Tokenizer.Encode(text).Length);
        Assert.Equal((tokens, tokens), (embeddings.Usage!.InputTokenCount, embeddings.Usage.TotalTokenCount));
        Assert.All(embeddings, embedding => Assert.Equal(("mine", 32), (embedding.ModelId, embedding.Dimensions)));
        Assert.All(embeddings, embedding => Assert.NotNull(embedding.CreatedAt));
        var metadata = generator.GetRequiredService<EmbeddingGeneratorMetadata>();
        Assert.Equal(("embeddedllm", "mine", 32), (metadata.ProviderName, metadata.DefaultModelId, metadata.DefaultModelDimensions));
        Assert.Same(generator, model.AsIEmbeddingGenerator());
        Assert.Same(generator, generator.GetService<IEmbeddingGenerator<string, Embedding<float>>>());
        Assert.Same(model, generator.GetService<LlmModel>());
        Assert.Same(model.Tokenizer, generator.GetService<Tokenizer>());
        Assert.Null(generator.GetService<IChatClient>());
        Assert.Null(generator.GetService(typeof(LlmModel), "key"));
    }

    [Fact]
    public async Task Generate_NoTexts_GivesNone()
    {
        using var model = Load();
        Assert.Empty(await model.AsIEmbeddingGenerator().GenerateAsync([], cancellationToken: Test));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    [InlineData(32)]
    public async Task Generate_FewerDimensions_AreTheFirstOnesOfLengthOne(int dimensions)
    {
        using var model = Load();
        var whole = await VectorAsync(model, Texts[0]);

        var part = await VectorAsync(model, Texts[0], new() { Dimensions = dimensions });

        var length = TensorPrimitives.Norm<float>(whole.AsSpan(0, dimensions));
        Assert.Equal(dimensions, part.Length);
        Assert.All(whole.Zip(part), pair => Assert.Equal(pair.First / length, pair.Second, 1e-5f));
    }

    [Fact]
    public async Task Generate_MoreDimensionsThanThereAre_AreRefused()
    {
        using var model = Load();
        var error = await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => VectorAsync(model, "a", new() { Dimensions = 33 }));
        Assert.Contains("1 to 32", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Generate_AnotherModelOrInputType_IsRefused()
    {
        using var model = Load();
        await Assert.ThrowsAsync<InvalidOperationException>(() => VectorAsync(model, "a", new() { ModelId = "other" }));
        await Assert.ThrowsAsync<ArgumentException>(() => VectorAsync(model, "a", new() { AdditionalProperties = new() { ["input_type"] = "image" } }));
        Assert.Equal("values", (await Assert.ThrowsAsync<ArgumentException>(() => model.AsIEmbeddingGenerator().GenerateAsync(["a", null!], cancellationToken: Test))).ParamName);
    }

    [Fact]
    public async Task Generate_Prefixes_AreThoseOfTheInputType()
    {
        using var model = Load(configure: options => options.Embedding = new() { QueryPrefix = "query: ", DocumentPrefix = "title: none | text: " });
        using var plain = Load();

        Assert.Equal(await VectorAsync(plain, "cat"), await VectorAsync(model, "cat"));
        Assert.Equal(await VectorAsync(plain, "query: cat"), await VectorAsync(model, "cat", new EmbeddingGenerationOptions().AsQuery()));
        Assert.Equal(await VectorAsync(plain, "title: none | text: cat"), await VectorAsync(model, "cat", new EmbeddingGenerationOptions().AsDocument()));
    }

    [Fact]
    public async Task Generate_LongText_IsRefusedWithItsPlace()
    {
        using var model = Load(configure: options => options.ContextLength = 16);

        var error = await Assert.ThrowsAsync<ContextFullException>(() => model.AsIEmbeddingGenerator().GenerateAsync(["a", Texts[2]], cancellationToken: Test));

        Assert.Equal((model.Tokenizer.Encode(Texts[2]).Length, 16), (error.PromptTokens, error.ContextTokens));
        Assert.StartsWith("Text 1 has", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Generate_LongTextThatMayBeCut_SaysSo()
    {
        using var logs = new FakeLoggerProvider();
        using var factory = LoggerFactory.Create(builder => builder.AddProvider(logs));
        using var model = Load(configure: options => { options.ContextLength = 16; options.Embedding = new() { TruncatesLongTexts = true }; }, logs: factory);

        var embeddings = await model.AsIEmbeddingGenerator().GenerateAsync(["a", Texts[2]], cancellationToken: Test);

        Assert.Null(embeddings[0].AdditionalProperties);
        Assert.Equal(model.Tokenizer.Encode(Texts[2]).Length - 16, embeddings[1].AdditionalProperties![EmbeddingOptionsExtensions.TruncatedTokensKey]);
        Assert.Equal(16 + model.Tokenizer.Encode("a").Length, embeddings.Usage!.InputTokenCount);
        Assert.Contains(logs.Collector.GetSnapshot(), record => record.Id.Id == 2043);
    }

    [Fact]
    public async Task Generate_CancelledOrDisposed_Throws()
    {
        var model = Load();
        var generator = model.AsIEmbeddingGenerator();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => generator.GenerateAsync(Texts, cancellationToken: new(canceled: true)));
        generator.Dispose();
        await generator.GenerateAsync(Texts, cancellationToken: Test);
        model.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => generator.GenerateAsync(Texts, cancellationToken: Test));
    }

    [Fact]
    public async Task EmbeddingModel_AskedForTextOrScores_SaysWhatItDoes()
    {
        using var model = Load();

        Assert.Contains("AsIEmbeddingGenerator", Assert.Throws<UnsupportedModelException>(model.AsIChatClient).Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<UnsupportedModelException>(() => model.CompleteAsync("a", cancellationToken: Test));
        await Assert.ThrowsAsync<UnsupportedModelException>(() => model.RerankAsync("a", ["b"], Test));
    }

    [Fact]
    public async Task Decoder_MakesEmbeddingsWhereAskedTo()
    {
        using (var chat = LlmModel.Load(Golden.TinyModel, new() { Threads = 1 }))
            Assert.Contains("Embedding.Pooling", Assert.Throws<UnsupportedModelException>(chat.AsIEmbeddingGenerator).Message, StringComparison.Ordinal);

        using var mean = LlmModel.Load(Golden.TinyModel, new() { Threads = 1, Embedding = new() { Pooling = Pooling.Mean } });
        using var last = LlmModel.Load(Golden.TinyModel, new() { Threads = 1, Embedding = new() { Pooling = Pooling.Last } });
        Assert.NotEqual(await VectorAsync(mean, "Two words"), await VectorAsync(last, "Two words"));
    }

    [Fact]
    public void Load_OptionsThatCannotBe_AreRefused()
    {
        Assert.Throws<ArgumentException>(() => Load(configure: options => options.Embedding = new() { Pooling = Pooling.None }));
        Assert.Throws<ArgumentException>(() => Load(configure: options => options.KvCacheBytes = 100));
        Assert.Throws<ArgumentException>(() => Load(configure: options => options.DraftModelPath = Golden.TinyModel));
        Assert.Throws<ModelFormatException>(() => Load(configure: options => options.Embedding = new() { Pooling = Pooling.Rank }));
    }

    [Fact]
    public void Load_AnEncoderThatDoesNotSayHowItPools_AsksForIt()
    {
        using var folder = new TemporaryFolder();
        using (var file = GgufFile.Open(Golden.Path("models", "gemma-embedding", "model.gguf")))
        {
            var writer = GgufWriter.From(file);
            writer.Set("gemma-embedding.pooling_type", GgufValue.Of(0u));
            writer.Save(folder.File("unsaid.gguf"));
        }

        var error = Assert.Throws<ArgumentException>(() => LlmModel.Load(folder.File("unsaid.gguf")));
        Assert.Contains("'gemma-embedding.pooling_type'", error.Message, StringComparison.Ordinal);
        LlmModel.Load(folder.File("unsaid.gguf"), new() { Embedding = new() { Pooling = Pooling.First } }).Dispose();
    }
}
