using System.Runtime.InteropServices;
using EmbeddedLlm.Embeddings;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Quantization;
using EmbeddedLlm.Testing;
using EmbeddedLlm.Tests.Models;

namespace EmbeddedLlm.Tests.Embeddings;

/// <summary>A golden encoder with a scoring head of known numbers.</summary>
public sealed class RerankerTests : IDisposable
{
    private const string Family = "gemma-embedding";
    private const int Width = 32;
    private static readonly string[] Documents = ["Paris is a city.", "The cat sat on the mat.", "42", "Bread is made of flour, water and salt."];
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Test => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Rerank_Documents_AreScoredByTheHeadAndSorted()
    {
        using var model = LlmModel.Load(Write(), new() { Threads = 1 });

        var ranked = await model.RerankAsync("Where is the cat?", Documents, Test);

        var expected = Documents.Select((document, index) => (Index: index, Score: Expected(model, "Where is the cat?", document))).OrderByDescending(pair => pair.Score).ToList();
        Assert.Equal(expected.Select(pair => pair.Index), ranked.Select(result => result.Index));
        Assert.All(expected.Zip(ranked), pair => Assert.Equal(pair.First.Score, pair.Second.Score, 1e-3));
    }

    [Fact]
    public async Task Rerank_LongDocument_IsRefusedUnlessItMayBeCut()
    {
        var path = Write();
        using var strict = LlmModel.Load(path, new() { Threads = 1, ContextLength = 24 });
        using var cutting = LlmModel.Load(path, new() { Threads = 1, ContextLength = 24, Embedding = new() { TruncatesLongTexts = true } });
        var documents = (string[])["cat", string.Join(' ', Enumerable.Repeat("word", 50))];

        await Assert.ThrowsAsync<ContextFullException>(() => strict.RerankAsync("cat", documents, Test));
        Assert.Equal(2, (await cutting.RerankAsync("cat", documents, Test)).Count);
    }

    [Fact]
    public async Task Reranker_AskedForEmbeddingsOrText_SaysWhatItDoes()
    {
        using var model = LlmModel.Load(Write(), new() { Threads = 1 });

        Assert.Contains("RerankAsync", Assert.Throws<UnsupportedModelException>(model.AsIEmbeddingGenerator).Message, StringComparison.Ordinal);
        Assert.Contains("RerankAsync", Assert.Throws<UnsupportedModelException>(model.AsIChatClient).Message, StringComparison.Ordinal);
        Assert.Empty(await model.RerankAsync("a", [], Test));
    }

    [Fact]
    public void Load_AHeadOfSeveralScores_IsNotSupported() =>
        Assert.Contains("3 scores", Assert.Throws<UnsupportedModelException>(() => LlmModel.Load(Write(scores: 3))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Rerank_ByADecoder_ScoresTheLastRowAndWeighsYesAgainstNo(int scores)
    {
        const string Decoder = "qwen3_reranker_like";
        const int DecoderWidth = 64;
        var path = _folder.File("decoder.gguf");
        using (var file = GgufFile.Open(Golden.Path("models", Decoder, "model.gguf")))
        {
            var writer = GgufWriter.From(file);
            writer.Set("qwen3.pooling_type", GgufValue.Of(4u));
            writer.Set("tokenizer.chat_template.rerank", GgufValue.Of("Query: {query}\nDocument: {document}\n"));
            Add(writer, "cls.output.weight", [DecoderWidth, scores], i => Number(i));
            writer.Save(path);
        }

        using var model = LlmModel.Load(path, new() { Threads = 1 });
        var ranked = await model.RerankAsync("Where is the cat?", Documents, Test);

        var expected = Documents.Select(document =>
        {
            var tokens = model.Tokenizer.Encode($"Query: Where is the cat?\nDocument: {document}\n", parseSpecial: false);
            var row = GoldenModels.Logits(new ReferenceBackend(), Golden.Path("models", Decoder, "model.gguf"), tokens, pooling: Pooling.None)[^DecoderWidth..];
            var outputs = Enumerable.Range(0, scores).Select(o => row.Select((number, i) => (double)number * Number(o * DecoderWidth + i)).Sum()).ToArray();
            return scores == 1 ? outputs[0] : Math.Exp(outputs[0]) / (Math.Exp(outputs[0]) + Math.Exp(outputs[1]));
        }).ToList();
        Assert.All(ranked, result => Assert.Equal(expected[result.Index], result.Score, 1e-2));
        Assert.Equal(ranked.OrderByDescending(result => result.Score), ranked);
    }

    // The first row through tanh(W x + b), then v · x + c.
    private static double Expected(LlmModel model, string query, string document)
    {
        var second = model.Tokenizer.Encode(document, parseSpecial: false);
        int[] tokens = [.. model.Tokenizer.Encode(query, parseSpecial: false), .. model.Tokenizer.AddsBos ? second[1..] : second];
        var row = GoldenModels.Logits(new ReferenceBackend(), Golden.Path("models", Family, "model.gguf"), tokens, pooling: Pooling.None)[..Width];
        var hidden = Enumerable.Range(0, Width).Select(o => Math.Tanh(Enumerable.Range(0, Width).Sum(i => row[i] * Number(o * Width + i)) + Number(o + 5)));
        return hidden.Select((number, i) => number * Number(i + 11)).Sum() + 0.25;
    }

    private static float Number(int index) => MathF.Sin(index * 0.7f) / 2;

    private string Write(int scores = 1)
    {
        var path = _folder.File($"reranker-{scores}.gguf");
        using var file = GgufFile.Open(Golden.Path("models", Family, "model.gguf"));
        var writer = GgufWriter.From(file);
        writer.Set($"{Family}.pooling_type", GgufValue.Of(4u));
        Add(writer, "cls.weight", [Width, Width], i => Number(i));
        Add(writer, "cls.bias", [Width], i => Number(i + 5));
        Add(writer, "cls.output.weight", [Width, scores], i => Number(i + 11));
        Add(writer, "cls.output.bias", [scores], _ => 0.25f);
        writer.Save(path);
        return path;
    }

    private static void Add(GgufWriter writer, string name, long[] dimensions, Func<int, float> number) =>
        writer.Add(name, GgmlType.F32, dimensions, stream =>
            stream.Write(MemoryMarshal.AsBytes<float>(Enumerable.Range(0, (int)dimensions.Aggregate(1L, (a, b) => a * b)).Select(number).ToArray())));
}
