using EmbeddedLlm.Backends;
using EmbeddedLlm.Cpu;
using EmbeddedLlm.Embeddings;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Models;
using EmbeddedLlm.Tests.Models;
using Microsoft.Extensions.Logging.Testing;

namespace EmbeddedLlm.Tests.Embeddings;

/// <summary>Pooled rows on the CPU against golden ones. Bounds: see <see cref="GoldenModels.ExpectedRows"/>; of these there are none but llama.cpp's.</summary>
public sealed class PooledGoldenTests
{
    [Theory]
    [InlineData("bert", Pooling.Mean, "mean", 5e-3)]
    [InlineData("bert", Pooling.First, "cls", 5e-3)]
    [InlineData("gemma-embedding", Pooling.Mean, "mean", 5e-3)]
    [InlineData("jina-bert-v2", Pooling.Mean, "mean", 5e-3)]
    [InlineData("modern-bert", Pooling.Mean, "mean", 5e-3)]
    [InlineData("nomic-bert", Pooling.Mean, "mean", 1e-4)]
    [InlineData("qwen3_reranker_like", Pooling.Last, "last", 1e-4)]
    public async Task Run_OfAText_EqualsTheGoldenVector(string name, Pooling pooling, string expected, double bound)
    {
        using var file = GgufFile.Open(Golden.Path("models", name, "model.gguf"));
        var (spec, graph) = ModelLoader.Load(file, pooling: pooling);
        var (options, sizes) = EmbeddingParts.SizesOf(graph, spec, pooling, new() { KvType = KvType.F32, Threads = 1 }, name, long.MaxValue);
        using var runner = new CpuBackend().Load(graph, options);
        using var engine = new EmbeddingEngine(runner, sizes, new FakeLogger());

        var vectors = await engine.RunAsync([GoldenModels.Tokens(Golden.Path("models", name, "tokens.json"))], TestContext.Current.CancellationToken);

        Assert.InRange(GoldenModels.MaxDifference(Golden.Floats(Golden.Path("models", name, $"emb_{expected}.f32")), vectors[0]), 0, bound);
    }
}
