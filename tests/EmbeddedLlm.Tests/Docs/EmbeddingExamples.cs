using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using EmbeddedLlm.Embeddings;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Hosting;
using EmbeddedLlm.Quantization;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;

namespace EmbeddedLlm.Tests.Docs;

/// <summary>The C# blocks of docs/guide.md on embeddings, run as written on the tiny model. <see cref="House.DocsTests"/> holds the page against this file.</summary>
public sealed class EmbeddingExamples : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Embed()
    {
        var path = Write(pooling: 1);

        using var model = LlmModel.Load(path);
        IEmbeddingGenerator<string, Embedding<float>> generator = model.AsIEmbeddingGenerator();

        string[] documents = ["Bread is made of flour and water.", "The Louvre is a museum in Paris."];
        var vectors = await generator.GenerateAsync(documents);
        var query = await generator.GenerateVectorAsync("Where can I see paintings?");
        var best = vectors.Index().MaxBy(item => TensorPrimitives.Dot(item.Item.Vector.Span, query.Span));
        Console.WriteLine($"{documents[best.Index]} ({vectors.Usage!.InputTokenCount} tokens)");

        Assert.Equal(model.Tokenizer.Encode(documents[0]).Length + model.Tokenizer.Encode(documents[1]).Length, vectors.Usage.InputTokenCount);
    }

    [Fact]
    public async Task Options()
    {
        var path = Golden.TinyModel;

        using var model = LlmModel.Load(path, new LlmOptions
        {
            Embedding = new EmbeddingOptions
            {
                Pooling = Pooling.Mean,
                QueryPrefix = "query: ",
                DocumentPrefix = "passage: ",
                TruncatesLongTexts = true,
            },
        });
        var generator = model.AsIEmbeddingGenerator();
        var query = await generator.GenerateVectorAsync("Where can I see paintings?", new EmbeddingGenerationOptions { Dimensions = 16 }.AsQuery());

        Assert.Equal(16, query.Length);
    }

    [Fact]
    public async Task Services()
    {
        var path = Write(pooling: 3);
        var services = new ServiceCollection();

        services.AddEmbeddedLlm().AddEmbeddingModel("search", options => options.Path = path);

        await using var provider = services.BuildServiceProvider();
        Assert.Same(
            provider.GetRequiredKeyedService<IEmbeddingGenerator<string, Embedding<float>>>("search"),
            provider.GetRequiredService<IEmbeddingGenerator<string, Embedding<float>>>());
    }

    [Fact]
    public async Task Rerank()
    {
        var path = Write(pooling: 4);
        string[] documents = ["Bread is made of flour and water.", "The Louvre is a museum in Paris."];

        using var reranker = LlmModel.Load(path);
        foreach (var (index, score) in await reranker.RerankAsync("Where can I see paintings?", documents))
            Console.WriteLine($"{score:F2}  {documents[index]}");

        Assert.Equal(2, (await reranker.RerankAsync("Where can I see paintings?", documents, TestContext.Current.CancellationToken)).Count);
    }

    // The tiny model as its file would be if it was made for embeddings, or for ranking.
    private string Write(uint pooling)
    {
        var path = _folder.File($"pooling-{pooling}.gguf");
        using var file = GgufFile.Open(Golden.TinyModel);
        var writer = GgufWriter.From(file);
        var family = file.Metadata.GetString("general.architecture");
        writer.Set($"{family}.pooling_type", GgufValue.Of(pooling));
        var width = file.Metadata.GetInt($"{family}.embedding_length");
        if (pooling == 4)
            writer.Add("cls.output.weight", GgmlType.F32, [width, 1], stream => stream.Write(MemoryMarshal.AsBytes<float>([.. Enumerable.Repeat(0.1f, width)])));
        writer.Save(path);
        return path;
    }
}
