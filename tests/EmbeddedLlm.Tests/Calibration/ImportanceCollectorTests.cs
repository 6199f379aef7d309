using System.Text.Json;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Calibration;
using EmbeddedLlm.Cpu;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Models;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Tests.Calibration;

public sealed class ImportanceCollectorTests
{
    private const string Story = "Once upon a time there was a little girl. She liked to play in the park with her dog. One day the dog ran away and she was sad. ";

    private static string Text => string.Concat(Enumerable.Repeat(Story, 12));

    [Fact]
    public void Collect_TinyModel_KnowsEveryMatrixOfTheLayers()
    {
        using var model = GgufFile.Open(Golden.TinyModel);
        var reports = new List<ImportanceProgress>();
        var matrix = ImportanceCollector.Collect(model, Text, new ImportanceOptions { ChunkLength = 32, MaxChunks = 3, Dataset = "story" }, new Reports(reports.Add), TestContext.Current.CancellationToken);

        Assert.Equal(model.Tensors.Where(t => t.Dimensions.Length == 2 && t.Name.StartsWith("blk.", StringComparison.Ordinal)).Select(t => t.Name).Order(), matrix.Tensors.Order());
        Assert.Equal([new ImportanceProgress(1, 3), new(2, 3), new(3, 3)], reports);
        Assert.Equal((3, 32), (matrix.ChunkCount, matrix.ChunkLength));
        Assert.All(matrix.Entries, entry =>
        {
            Assert.Equal([96f], entry.Value.Counts);
            Assert.Contains(entry.Value.Sums, sum => sum > 0);
        });
        Assert.NotNull(Weights(matrix, model, "blk.0.attn_q.weight"));
    }

    [Fact]
    public void Collect_FirstProjection_IsTheMeanSquareOfTheNormedEmbedding()
    {
        // What enters q, k and v of the first layer: x / sqrt(mean x² + ε) · gain.
        using var model = GgufFile.Open(Golden.TinyModel);
        var matrix = ImportanceCollector.Collect(model, Text, new ImportanceOptions { ChunkLength = 32, MaxChunks = 1 }, cancellationToken: TestContext.Current.CancellationToken);

        var ops = ModelLoader.Load(model).Graph.Ops;
        var table = ops.OfType<Op.Embed>().Single().Table;
        var norm = ops.OfType<Op.Norm>().First();
        var gain = norm.Gain.ToFloats();
        var tokenizer = Tokenizer.FromGguf(model.Metadata);
        var tokens = tokenizer.Encode(Text, parseSpecial: false)[..32];
        var expected = new double[gain.Length];
        var row = new float[gain.Length];
        foreach (var token in tokens)
        {
            table.DequantizeRow(token, row);
            var square = row.Sum(x => (double)x * x) / row.Length + norm.Epsilon;
            for (var i = 0; i < row.Length; i++)
                expected[i] += row[i] * row[i] / square * gain[i] * gain[i];
        }

        var actual = matrix.Entries.Single(e => e.Key == "blk.0.attn_q.weight").Value.Sums;
        for (var i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], actual[i], 1e-4 * expected.Max());
    }

    [Fact]
    public void Collect_OtherThreads_GivesTheSameBits()
    {
        using var model = GgufFile.Open(Golden.TinyModel);
        var options = new ImportanceOptions { ChunkLength = 40, MaxChunks = 2 };
        var one = ImportanceCollector.Collect(model, Text, options with { Threads = 1 }, cancellationToken: TestContext.Current.CancellationToken);
        var three = ImportanceCollector.Collect(model, Text, options with { Threads = 3 }, cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal(one.Entries.SelectMany(e => e.Value.Sums), three.Entries.SelectMany(e => e.Value.Sums));
    }

    [Theory]
    [InlineData("qwen3moe")]
    [InlineData("llama_moe")]
    public void Collect_Experts_HaveCountsOfTheirOwn(string name)
    {
        using var model = GgufFile.Open(Golden.Path("models", name, "model.gguf"));
        Assert.SkipUnless(model.Metadata.Contains("tokenizer.ggml.tokens"), "The model has no vocabulary.");
        var matrix = ImportanceCollector.Collect(model, Text, new ImportanceOptions { ChunkLength = 32, MaxChunks = 2 }, cancellationToken: TestContext.Current.CancellationToken);

        var architecture = model.Metadata.GetString("general.architecture");
        var used = model.Metadata.GetInt($"{architecture}.expert_used_count");
        var experts = matrix.Entries.Where(e => e.Key.Contains("_exps", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(experts);
        Assert.All(experts, entry =>
        {
            Assert.True(model.TryGetTensor(entry.Key, out var tensor));
            Assert.Equal(64 * used, entry.Value.Counts.Sum());
            Assert.Equal(tensor.Dimensions[2], entry.Value.Counts.Length);
            for (var e = 0; e < entry.Value.Counts.Length; e++)
            {
                var sums = entry.Value.Sums.AsSpan(e * (int)tensor.Dimensions[0], (int)tensor.Dimensions[0]);
                Assert.Equal(entry.Value.Counts[e] > 0, sums.ContainsAnyExcept(0f));
            }
        });
        foreach (var layer in Enumerable.Range(0, model.Metadata.GetInt($"{architecture}.block_count")))
            Assert.Equal(matrix.Entries.Single(e => e.Key == $"blk.{layer}.ffn_gate_exps.weight").Value.Sums, matrix.Entries.Single(e => e.Key == $"blk.{layer}.ffn_up_exps.weight").Value.Sums);
    }

    [Fact]
    public void Collect_TextShorterThanAPiece_IsRefused()
    {
        using var model = GgufFile.Open(Golden.TinyModel);

        Assert.Contains("expected at least the 512", Assert.Throws<ArgumentException>("text", () => ImportanceCollector.Collect(model, "short", cancellationToken: TestContext.Current.CancellationToken)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Collect_Cancelled_Throws()
    {
        using var model = GgufFile.Open(Golden.TinyModel);
        using var cancellation = new CancellationTokenSource();

        Assert.ThrowsAny<OperationCanceledException>(() => ImportanceCollector.Collect(model, Text, new ImportanceOptions { ChunkLength = 32 }, new Reports(_ => cancellation.Cancel()), cancellation.Token));
    }

    [Theory]
    [InlineData("Q4_0")]
    [InlineData("Q4_1")]
    [InlineData("Q5_1")]
    [InlineData("IQ4_NL")]
    [InlineData("Q3_K_M")]
    public void Quantize_TrainedModelWithImportance_IsCloserThanWithout(string target)
    {
        var path = Golden.Path("trained", "stories260K", "stories260K-f32.gguf");
        using var folder = new TemporaryFolder();
        using var model = GgufFile.Open(path);
        var tokens = JsonSerializer.Deserialize<int[]>(File.ReadAllText(Golden.Path("trained", "stories260K", "tokens200.json")))!;
        var matrix = ImportanceCollector.Collect(model, Text, new ImportanceOptions { ChunkLength = 64 }, cancellationToken: TestContext.Current.CancellationToken);
        GgufQuantizer.Quantize(model, target, folder.File("plain.gguf"), cancellationToken: TestContext.Current.CancellationToken);
        GgufQuantizer.Quantize(model, target, folder.File("weighted.gguf"), importance: matrix, cancellationToken: TestContext.Current.CancellationToken);

        var exact = Logits(path, tokens);
        var plain = Divergence(exact, Logits(folder.File("plain.gguf"), tokens));
        var weighted = Divergence(exact, Logits(folder.File("weighted.gguf"), tokens));
        TestContext.Current.TestOutputHelper!.WriteLine($"KL to F32: {plain:G4} plain, {weighted:G4} with importance, ratio {weighted / plain:F3}");
        Assert.True(weighted < plain, $"{weighted} ≥ {plain}");
    }

    private static float[]? Weights(ImportanceMatrix matrix, GgufFile model, string name)
    {
        Assert.True(model.TryGetTensor(name, out var tensor));
        return matrix.WeightsOf(tensor);
    }

    private static float[][] Logits(string path, int[] tokens)
    {
        using var file = GgufFile.Open(path);
        var graph = ModelLoader.Load(file).Graph;
        var blocks = (tokens.Length + 31) / 32;
        using var runner = new CpuBackend().Load(graph, new RunnerOptions { KvBlocks = blocks, KvType = KvType.F32, MaxBatchRows = tokens.Length, MaxOutputRows = tokens.Length, Threads = 2 });
        var logits = new float[tokens.Length * graph.Logits.Width];
        var batch = new Batch { Tokens = tokens, Slices = [new BatchSlice(tokens.Length, 0, 0, blocks)], KvBlocks = [.. Enumerable.Range(0, blocks)], OutputRows = [.. Enumerable.Range(0, tokens.Length)] };
        runner.Run(batch, logits);
        return [.. logits.Chunk(graph.Logits.Width)];
    }

    // Mean over positions of Σ p · log(p / q).
    private static double Divergence(float[][] exact, float[][] other) => exact.Zip(other, (p, q) =>
    {
        var (logP, logQ) = (LogSoftmax(p), LogSoftmax(q));
        return logP.Zip(logQ, (a, b) => Math.Exp(a) * (a - b)).Sum();
    }).Average();

    private static double[] LogSoftmax(float[] logits)
    {
        var largest = logits.Max();
        var sum = Math.Log(logits.Sum(x => Math.Exp(x - largest)));
        return Array.ConvertAll(logits, x => x - largest - sum);
    }

    private sealed class Reports(Action<ImportanceProgress> report) : IProgress<ImportanceProgress>
    {
        public void Report(ImportanceProgress value) => report(value);
    }
}
