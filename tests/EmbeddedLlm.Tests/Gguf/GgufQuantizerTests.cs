using EmbeddedLlm.Gguf;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Tests.Gguf;

public sealed class GgufQuantizerTests
{
    public static TheoryData<string> Targets() => [.. GgufQuantizer.Targets];

    /// <summary>Files that llama-quantize made, with what they were made from.</summary>
    [Theory]
    [InlineData("llama256_q4_k_mix", "quantized/f16", "Q4_K_M")]
    [InlineData("llama256_q2_k_mix", "quantized/f16", "Q2_K")]
    [InlineData("llama256_iq4_xs_mix", "quantized/f16", "IQ4_XS")]
    [InlineData("gpt-oss_mxfp4_moe", "models/gpt-oss", "MXFP4_MOE")]
    [InlineData("falcon_40b_q8_0", "models/falcon_40b", "Q8_0")]
    [InlineData("gemma3_q4_0", "models/gemma3", "Q4_0")]
    [InlineData("gpt2_q8_0", "models/gpt2", "Q8_0")]
    [InlineData("gptneox_q4_0", "models/gptneox", "Q4_0")]
    [InlineData("granite_q8_0", "models/granite", "Q8_0")]
    [InlineData("phi3_q4_0", "models/phi3", "Q4_0")]
    [InlineData("qwen2_q8_0", "models/qwen2", "Q8_0")]
    [InlineData("qwen3_q4_0", "models/qwen3", "Q4_0")]
    [InlineData("qwen3moe_q4_0", "models/qwen3moe", "Q4_0")]
    public void Quantize_AsLlamaCpp_GivesTheSameTypesAndBytes(string made, string from, string target)
    {
        using var source = GgufFile.Open(Golden.Path([.. from.Split('/'), "model.gguf"]));
        using var expected = GgufFile.Open(Golden.Path("quantized-families", made, "model.gguf"));
        using var folder = new TemporaryFolder();
        GgufQuantizer.Quantize(source, target, folder.File("m.gguf"), cancellationToken: TestContext.Current.CancellationToken);

        using var actual = GgufFile.Open(folder.File("m.gguf"));

        Assert.Equal(expected.Tensors.Select(t => t.ToString()).Order(), actual.Tensors.Select(t => t.ToString()).Order());
        Assert.Equal(expected.Metadata.GetInt("general.file_type"), actual.Metadata.GetInt("general.file_type"));
        Assert.Equal(expected.Metadata.GetInt("general.quantization_version"), actual.Metadata.GetInt("general.quantization_version"));
        foreach (var tensor in expected.Tensors.Where(t => t.Type is GgmlType.F32 or GgmlType.F16 or GgmlType.Q4_0 or GgmlType.Q8_0))
        {
            Assert.True(actual.TryGetTensor(tensor.Name, out var other));
            Assert.True(tensor.Slice(0, (int)tensor.Bytes).SequenceEqual(other.Slice(0, (int)other.Bytes)), tensor.Name);
        }
    }

    [Theory]
    [MemberData(nameof(Targets))]
    public void Quantize_EveryTarget_StaysNearTheSource(string target)
    {
        using var source = GgufFile.Open(Golden.Repo("models", "llama", "model.gguf"));
        using var folder = new TemporaryFolder();
        var reported = new List<QuantizationProgress>();
        var importance = GgufQuantizer.NeedsImportance(target) ? Ones(source) : null;
        GgufQuantizer.Quantize(source, target.ToLowerInvariant(), folder.File("m.gguf"), new Reports(reported.Add), importance, TestContext.Current.CancellationToken);

        using var result = GgufFile.Open(folder.File("m.gguf"));

        Assert.Equal(source.Tensors.Select(t => t.Name), result.Tensors.Select(t => t.Name));
        Assert.Equal(source.Metadata.GetStrings("tokenizer.ggml.tokens"), result.Metadata.GetStrings("tokenizer.ggml.tokens"));
        Assert.Equal(result.Tensors.Select(t => (t.Name, t.Type)), reported.Select(r => (r.Tensor, r.To)));
        Assert.Equal(Enumerable.Range(1, source.Tensors.Count), reported.Select(r => r.Done));
        foreach (var tensor in source.Tensors)
        {
            Assert.True(result.TryGetTensor(tensor.Name, out var other));
            Assert.Equal(tensor.Dimensions, other.Dimensions);
            if (tensor.Dimensions.Length == 1)
                Assert.Equal(GgmlType.F32, other.Type);
            var (values, rounded) = (Floats(tensor), Floats(other));
            var error = Math.Sqrt(values.Zip(rounded, (a, b) => Math.Pow(a - b, 2)).Sum() / values.Sum(v => Math.Pow(v, 2)));
            Assert.True(error < 0.12, $"{tensor.Name} as {other.Type}: relative error {error}");
        }
    }

    [Fact]
    public void Choose_ModelOf32Layers_GivesMoreBitsToFirstLastAndEveryThird()
    {
        using var model = new Skeleton("llama", layers: 32, heads: 32, kvHeads: 8);
        var types = model.Choose("Q4_K_M");

        int[] more = [0, 1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27, 28, 29, 30, 31];
        for (var layer = 0; layer < 32; layer++)
        {
            var expected = more.Contains(layer) ? GgmlType.Q6_K : GgmlType.Q4_K;
            Assert.Equal((layer, expected), (layer, types[$"blk.{layer}.attn_v.weight"]));
            Assert.Equal((layer, expected), (layer, types[$"blk.{layer}.ffn_down.weight"]));
            Assert.Equal(GgmlType.Q4_K, types[$"blk.{layer}.attn_q.weight"]);
        }

        Assert.Equal(GgmlType.Q6_K, types["output.weight"]);
        Assert.Equal(GgmlType.Q4_K, types["token_embd.weight"]);
        Assert.Equal(GgmlType.F32, types["output_norm.weight"]);
    }

    [Theory]
    [InlineData("Q2_K", 8, 0, "Q4_K", "Q3_K", "Q3_K")]
    [InlineData("Q2_K", 32, 0, "Q3_K", "Q3_K", "Q3_K")]
    [InlineData("Q2_K_S", 8, 0, "Q4_K", "Q2_K", "Q4_K")]
    [InlineData("Q2_K_S", 8, 20, "Q4_K", "Q2_K", "Q2_K")]
    [InlineData("Q3_K_S", 8, 0, "Q3_K", "Q3_K", "Q3_K")]
    [InlineData("Q3_K_M", 8, 1, "Q5_K", "Q4_K", "Q5_K")]
    [InlineData("Q3_K_M", 8, 2, "Q4_K", "Q4_K", "Q4_K")]
    [InlineData("Q3_K_L", 8, 9, "Q5_K", "Q5_K", "Q5_K")]
    [InlineData("Q4_K_S", 8, 3, "Q5_K", "Q4_K", "Q5_K")]
    [InlineData("Q4_K_S", 8, 4, "Q4_K", "Q4_K", "Q4_K")]
    [InlineData("Q5_K_S", 8, 0, "Q5_K", "Q5_K", "Q5_K")]
    [InlineData("Q5_K_M", 8, 6, "Q6_K", "Q5_K", "Q6_K")]
    [InlineData("Q6_K", 8, 0, "Q6_K", "Q6_K", "Q6_K")]
    [InlineData("IQ4_XS", 8, 0, "Q5_K", "IQ4_XS", "Q5_K")]
    [InlineData("IQ4_XS", 32, 20, "IQ4_XS", "IQ4_XS", "IQ4_XS")]
    [InlineData("IQ4_NL", 8, 4, "Q5_K", "IQ4_NL", "IQ4_NL")]
    [InlineData("IQ3_M", 8, 3, "Q4_K", "Q4_K", "Q4_K")]
    [InlineData("IQ3_M", 32, 4, "Q4_K", "Q4_K", "IQ3_S")]
    [InlineData("IQ3_S", 8, 0, "Q4_K", "IQ3_S", "IQ3_S")]
    [InlineData("IQ3_S", 32, 0, "IQ3_S", "IQ3_S", "IQ3_S")]
    [InlineData("TQ2_0", 8, 0, "TQ2_0", "TQ2_0", "TQ2_0")]
    [InlineData("MXFP4_MOE", 8, 0, "Q8_0", "Q8_0", "Q8_0")]
    public void Choose_Mixture_FollowsItsRules(string target, int kvHeads, int layer, string value, string output, string down)
    {
        using var model = new Skeleton("llama", layers: 32, heads: 32, kvHeads);
        var types = model.Choose(target);

        Assert.Equal(value, types[$"blk.{layer}.attn_v.weight"].ToString());
        Assert.Equal(output, types[$"blk.{layer}.attn_output.weight"].ToString());
        Assert.Equal(down, types[$"blk.{layer}.ffn_down.weight"].ToString());
    }

    [Fact]
    public void Choose_LargeGroupedModel_KeepsValuesFiner()
    {
        using var model = new Skeleton("llama", layers: 80, heads: 64, kvHeads: 8);
        Assert.Equal(GgmlType.Q5_K, model.Choose("Q4_K_M")["blk.10.attn_v.weight"]);
    }

    [Fact]
    public void Choose_EightExperts_KeepAttentionFine()
    {
        using var model = new Skeleton("llama", layers: 32, heads: 32, kvHeads: 8, experts: 8);
        var types = model.Choose("Q4_K_M");

        Assert.Equal(GgmlType.Q8_0, types["blk.5.attn_v.weight"]);
        Assert.Equal(GgmlType.Q8_0, types["blk.5.attn_k.weight"]);
        Assert.Equal(GgmlType.Q5_K, types["blk.5.attn_output.weight"]);
        Assert.Equal(GgmlType.F32, types["blk.5.ffn_gate_inp.weight"]);
    }

    [Fact]
    public void Choose_TiedEmbedding_IsTreatedAsOutput()
    {
        using var model = new Skeleton("llama", layers: 4, heads: 4, kvHeads: 4, tied: true);
        Assert.Equal(GgmlType.Q6_K, model.Choose("Q4_K_M")["token_embd.weight"]);
    }

    [Theory]
    [InlineData("IQ1_S", 8, 0, "Q4_K", "IQ2_XXS", "Q2_K")]
    [InlineData("IQ1_M", 32, 4, "Q2_K", "IQ2_XXS", "IQ1_M")]
    [InlineData("IQ2_XXS", 8, 3, "Q4_K", "IQ2_XXS", "Q2_K")]
    [InlineData("IQ2_XXS", 32, 4, "Q2_K", "IQ2_XXS", "IQ2_XXS")]
    [InlineData("IQ2_XS", 32, 4, "Q2_K", "IQ2_XS", "IQ2_XS")]
    [InlineData("IQ2_S", 32, 0, "IQ3_S", "IQ3_S", "IQ3_S")]
    [InlineData("IQ2_S", 32, 4, "IQ3_S", "IQ3_S", "IQ2_XS")]
    [InlineData("IQ2_M", 8, 4, "Q4_K", "IQ3_S", "IQ2_S")]
    [InlineData("IQ3_XXS", 8, 4, "Q4_K", "IQ3_S", "IQ3_XXS")]
    [InlineData("IQ3_XXS", 32, 0, "IQ3_XXS", "IQ3_S", "IQ3_XXS")]
    [InlineData("IQ3_XS", 32, 4, "IQ3_S", "IQ3_S", "IQ3_S")]
    [InlineData("IQ4_XS", 32, 0, "IQ4_XS", "IQ4_XS", "IQ4_XS")]
    [InlineData("Q4_0", 32, 0, "Q4_0", "Q4_0", "Q4_1")]
    [InlineData("Q5_0", 32, 4, "Q5_0", "Q5_0", "Q5_0")]
    public void Choose_MixtureWithImportance_FollowsItsRules(string target, int kvHeads, int layer, string value, string output, string down)
    {
        using var model = new Skeleton("llama", layers: 32, heads: 32, kvHeads);
        var types = model.Choose(target, hasImportance: true);

        Assert.Equal(value, types[$"blk.{layer}.attn_v.weight"].ToString());
        Assert.Equal(output, types[$"blk.{layer}.attn_output.weight"].ToString());
        Assert.Equal(down, types[$"blk.{layer}.ffn_down.weight"].ToString());
    }

    [Theory]
    [InlineData("IQ2_XXS", "Q2_K", "Q5_K", "IQ2_XXS", "IQ2_XXS")]
    [InlineData("IQ2_M", "IQ3_S", "Q5_K", "IQ2_S", "IQ2_S")]
    [InlineData("IQ3_XXS", "IQ3_S", "Q5_K", "IQ2_S", "IQ3_XXS")]
    [InlineData("IQ3_XS", "IQ3_S", "Q6_K", "IQ3_XXS", "IQ3_XXS")]
    public void Choose_MixtureWithImportance_TreatsTableOutputAndQueries(string target, string table, string output, string query, string up)
    {
        using var model = new Skeleton("llama", layers: 32, heads: 32, kvHeads: 32);
        var types = model.Choose(target, hasImportance: true);

        Assert.Equal([table, output, query, query, up], new[] { "token_embd.weight", "output.weight", "blk.5.attn_q.weight", "blk.5.attn_k.weight", "blk.5.ffn_up.weight" }.Select(name => types[name].ToString()));
    }

    [Fact]
    public void Quantize_TargetThatNeedsImportanceWithoutIt_IsRefusedByName()
    {
        using var source = GgufFile.Open(Golden.Repo("models", "llama", "model.gguf"));
        using var folder = new TemporaryFolder();

        foreach (var target in (string[])["IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ2_M", "IQ3_XXS"])
            Assert.Contains(target, Assert.Throws<ArgumentException>("importance", () => GgufQuantizer.Quantize(source, target, folder.File("m.gguf"), cancellationToken: TestContext.Current.CancellationToken)).Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void Quantize_ImportanceThatDoesNotFit_IsRefused()
    {
        using var model = new Skeleton("llama", layers: 1, heads: 4, kvHeads: 4);
        using var folder = new TemporaryFolder();
        var short256 = ImportanceMatrixTests.Matrix(("blk.0.attn_q.weight", new float[255], [1]));
        var other = ImportanceMatrixTests.Matrix(("blk.9.attn_q.weight", new float[256], [1]));

        Assert.Contains("'blk.0.attn_q.weight': expected 256 numbers", Assert.Throws<ModelFormatException>(() => GgufQuantizer.Quantize(model.File, "Q4_K_M", folder.File("m.gguf"), importance: short256, cancellationToken: TestContext.Current.CancellationToken)).Message, StringComparison.Ordinal);
        Assert.Contains("becomes IQ2_XXS", Assert.Throws<ModelFormatException>(() => GgufQuantizer.Quantize(model.File, "IQ2_XXS", folder.File("m.gguf"), importance: other, cancellationToken: TestContext.Current.CancellationToken)).Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(folder.Path));
    }

    [Theory]
    [InlineData("IQ1_S")]
    [InlineData("IQ2_M")]
    [InlineData("IQ3_XXS")]
    public void Quantize_SmallTargetWithImportance_WritesItsFormatsAndWhatItKnew(string target)
    {
        using var model = new Skeleton("llama", layers: 8, heads: 4, kvHeads: 4);
        using var folder = new TemporaryFolder();
        var reports = new List<QuantizationProgress>();
        GgufQuantizer.Quantize(model.File, target, folder.File("m.gguf"), new Reports(reports.Add), Ones(model.File), TestContext.Current.CancellationToken);

        using var result = GgufFile.Open(folder.File("m.gguf"));

        Assert.Contains(result.Tensors, tensor => tensor.Type == QuantizationTarget.Find(target).Type);
        Assert.Equal(QuantizationTarget.Find(target).FileType, (uint)result.Metadata.GetInt("general.file_type"));
        Assert.All(reports, report => Assert.Equal(report.From != report.To && report.Tensor.StartsWith("blk.", StringComparison.Ordinal), report.IsWeighted));
        Assert.Equal(7, result.Metadata.GetInt("quantize.imatrix.chunks_count"));
    }

    [Fact]
    public void Quantize_QuantizedSource_IsRefused()
    {
        using var source = GgufFile.Open(Golden.Path("quantized", "q4_0", "model.gguf"));
        using var folder = new TemporaryFolder();

        var error = Assert.Throws<UnsupportedModelException>(() => GgufQuantizer.Quantize(source, "Q8_0", folder.File("m.gguf"), cancellationToken: TestContext.Current.CancellationToken));

        Assert.Contains("is Q4_0 already", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void Quantize_UnknownTargetOrOwnFile_IsRefused()
    {
        using var source = GgufFile.Open(Golden.Repo("models", "llama", "model.gguf"));

        Assert.Contains("Q4_K_M", Assert.Throws<ArgumentException>(() => GgufQuantizer.Quantize(source, "Q9", "x.gguf", cancellationToken: TestContext.Current.CancellationToken)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => GgufQuantizer.Quantize(source, "Q8_0", source.Path, cancellationToken: TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Quantize_OwnFileByALink_IsRefused()
    {
        using var folder = new TemporaryFolder();
        File.Copy(Golden.TinyModel, folder.File("real.gguf"));
        Directory.CreateDirectory(folder.File("sub"));
        File.CreateSymbolicLink(folder.File("link.gguf"), "real.gguf");
        Directory.CreateSymbolicLink(folder.File("sub/up"), "..");
        using var source = GgufFile.Open(folder.File("link.gguf"));

        foreach (var path in (string[])["real.gguf", "link.gguf", "sub/up/real.gguf", "sub/up/link.gguf"])
            Assert.Throws<ArgumentException>(() => GgufQuantizer.Quantize(source, "Q8_0", folder.File(path), cancellationToken: TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Quantize_RowsThatDoNotFit_AreReported()
    {
        using var folder = new TemporaryFolder();
        using var source = GgufFile.Open(Golden.TinyModel);                     // rows of 64 and 128
        var reports = new List<QuantizationProgress>();
        GgufQuantizer.Quantize(source, "Q4_K_S", folder.File("out.gguf"), new Reports(reports.Add), cancellationToken: TestContext.Current.CancellationToken);

        Assert.Contains(reports, report => (report.Wanted, report.To) == (GgmlType.Q4_K, GgmlType.Q5_0));
        Assert.All(reports, report => Assert.True(report.To == report.Wanted || report.Wanted is GgmlType.Q4_K or GgmlType.Q5_K or GgmlType.Q6_K));
    }

    [Fact]
    public void Quantize_InfiniteWeight_IsRefused()
    {
        using var folder = new TemporaryFolder();
        var writer = new GgufWriter();
        writer.Set("general.architecture", GgufValue.Of("llama"));
        writer.Add("blk.0.attn_q.weight", GgmlType.F32, [32, 2], s => s.Write([.. new byte[200], .. BitConverter.GetBytes(float.PositiveInfinity), .. new byte[52]]));
        writer.Save(folder.File("in.gguf"));
        using var source = GgufFile.Open(folder.File("in.gguf"));

        Assert.Contains("blk.0.attn_q.weight", Assert.Throws<ModelFormatException>(() => GgufQuantizer.Quantize(source, "Q8_0", folder.File("out.gguf"), cancellationToken: TestContext.Current.CancellationToken)).Message, StringComparison.Ordinal);
        Assert.False(File.Exists(folder.File("out.gguf")));
    }

    [Theory]
    [InlineData(32)]
    [InlineData(0)]
    public void Quantize_HeaderWithoutData_IsRefused(int padding)
    {
        // 'w' becomes Q8_0; the file ends at its table, with padding behind it or without.
        using var folder = new TemporaryFolder();
        var writer = new GgufWriter();
        writer.Set("general.architecture", GgufValue.Of("llama"));
        writer.Add("w", GgmlType.F32, [32, 4], s => s.Write(new byte[512]));
        writer.Save(folder.File("in.gguf"));
        using (var file = File.Open(folder.File("in.gguf"), FileMode.Open))
            file.SetLength(file.Length - 512 - (padding == 0 ? 1 : 0));
        File.WriteAllText(folder.File("out.gguf"), "old");
        using var source = GgufFile.Open(folder.File("in.gguf"));

        var error = Assert.Throws<ModelFormatException>(() => GgufQuantizer.Quantize(source, "Q8_0", folder.File("out.gguf"), cancellationToken: TestContext.Current.CancellationToken));

        Assert.Contains($"{folder.File("in.gguf")}: the file ends where its tensor data should begin; expected 512 bytes of tensor 'w'", error.Message, StringComparison.Ordinal);
        Assert.Equal("old", File.ReadAllText(folder.File("out.gguf")));
        Assert.Equal(2, Directory.GetFiles(folder.Path).Length);
    }

    [Fact]
    public void Quantize_IntoAnyShardOfTheSource_IsRefused()
    {
        using var folder = new TemporaryFolder();
        var shards = Enumerable.Range(1, 3).Select(number => $"model-0000{number}-of-00003.gguf").ToList();
        foreach (var shard in shards)
            File.Copy(Golden.Path("gguf-split", shard), folder.File(shard));
        using var source = GgufFile.Open(folder.File(shards[0]));

        foreach (var shard in shards)
            Assert.Throws<ArgumentException>("outputPath", () => GgufQuantizer.Quantize(source, "Q8_0", Path.Combine(folder.Path, ".", shard), cancellationToken: TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Quantize_Cancelled_LeavesNothing()
    {
        using var source = GgufFile.Open(Golden.Repo("models", "llama", "model.gguf"));
        using var folder = new TemporaryFolder();
        using var cancellation = new CancellationTokenSource();

        Assert.ThrowsAny<OperationCanceledException>(() => GgufQuantizer.Quantize(source, "Q4_K_M", folder.File("m.gguf"), new Reports(_ => cancellation.Cancel()), cancellationToken: cancellation.Token));
        Assert.Empty(Directory.GetFiles(folder.Path));
    }

    // All matrices of the layers count alike.
    private static ImportanceMatrix Ones(GgufFile model) => ImportanceMatrixTests.Matrix(
        [.. model.Tensors.Where(t => t.Dimensions.Length > 1 && t.Name.StartsWith("blk.", StringComparison.Ordinal)).Select(t => (t.Name, Enumerable.Repeat(1f, (int)t.Dimensions[0]).ToArray(), new float[] { 1 }))]);

    private static float[] Floats(GgufTensor tensor)
    {
        var values = new float[tensor.ElementCount];
        BlockFormats.Get(tensor.Type).Dequantize(tensor.Slice(0, (int)tensor.Bytes), values);
        return values;
    }

    private sealed class Reports(Action<QuantizationProgress> report) : IProgress<QuantizationProgress>
    {
        public void Report(QuantizationProgress value) => report(value);
    }

    /// <summary>A model with the names and numbers of a real one and matrices of 256 × 2.</summary>
    private sealed class Skeleton : IDisposable
    {
        private readonly TemporaryFolder _folder = new();
        private readonly GgufFile _file;

        public Skeleton(string architecture, int layers, int heads, int kvHeads, int experts = 0, bool tied = false)
        {
            var writer = new GgufWriter();
            writer.Set("general.architecture", GgufValue.Of(architecture));
            writer.Set($"{architecture}.block_count", GgufValue.Of((uint)layers));
            writer.Set($"{architecture}.attention.head_count", GgufValue.Of((uint)heads));
            writer.Set($"{architecture}.attention.head_count_kv", GgufValue.Of((uint)kvHeads));
            writer.Set($"{architecture}.expert_count", GgufValue.Of((uint)experts));
            Add("token_embd");
            if (!tied)
                Add("output");
            writer.Add("output_norm.weight", GgmlType.F32, [256], s => s.Write(new byte[1024]));
            for (var layer = 0; layer < layers; layer++)
            {
                foreach (var name in (string[])["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate_inp", "ffn_up", experts > 0 ? "ffn_down_exps" : "ffn_down"])
                    Add($"blk.{layer}.{name}");
            }

            writer.Save(_folder.File("m.gguf"));
            _file = GgufFile.Open(_folder.File("m.gguf"));

            void Add(string name) => writer.Add($"{name}.weight", GgmlType.F32, [256, 2], s => s.Write(new byte[2048]));
        }

        public GgufFile File => _file;

        public Dictionary<string, GgmlType> Choose(string target, bool hasImportance = false) =>
            QuantizationMix.Choose(_file, QuantizationTarget.Find(target), hasImportance).ToDictionary(tensor => tensor.Key, tensor => tensor.Value.Fitting);

        public void Dispose()
        {
            _file.Dispose();
            _folder.Dispose();
        }
    }
}
