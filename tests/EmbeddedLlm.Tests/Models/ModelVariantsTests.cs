using System.Runtime.InteropServices;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Cpu;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Models;
using EmbeddedLlm.Quantization;
using EmbeddedLlm.Testing;

namespace EmbeddedLlm.Tests.Models;

/// <summary>Files that say the same, or one thing more, in another way than the golden ones.</summary>
public sealed class ModelVariantsTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Theory]
    [InlineData("llama")]
    [InlineData("qwen2")]
    public void Logits_OfFusedQkv_EqualThoseOfThreeTensors(string name)
    {
        var path = Golden.Path("models", name, "model.gguf");
        using (var file = GgufFile.Open(path))
        {
            var writer = GgufWriter.From(file, withTensors: false);
            foreach (var tensor in file.Tensors)
            {
                if (tensor.Name.Contains(".attn_q.", StringComparison.Ordinal))
                    AddFused(writer, tensor.Name, [.. "qkv".Select(letter => Find(file, tensor.Name.Replace("attn_q", $"attn_{letter}", StringComparison.Ordinal)))]);
                else if (!tensor.Name.Contains(".attn_k.", StringComparison.Ordinal) && !tensor.Name.Contains(".attn_v.", StringComparison.Ordinal))
                    writer.Add(tensor);
            }

            writer.Save(_path);
        }

        var tokens = GoldenModels.Tokens(Golden.Path("models", name, "tokens.json"))[..8];
        Assert.Equal(GoldenModels.Logits(new ReferenceBackend(), path, tokens), GoldenModels.Logits(new ReferenceBackend(), _path, tokens));
    }

    // As Command R+ and StableLM 2 12B have them.
    [Theory]
    [InlineData("command-r")]
    [InlineData("stablelm")]
    public void Logits_OfAHeadNormForEachHead_AreThoseOfOneForAll_WhereTheyAreEqual(string name)
    {
        var path = Golden.Path("models", name, "model.gguf");
        var tokens = GoldenModels.Tokens(Golden.Path("models", name, "tokens.json"))[..8];
        float[] With(bool isForEach, bool areEqual, IBackend? backend = null)
        {
            using (var file = GgufFile.Open(path))
            {
                var writer = GgufWriter.From(file);
                foreach (var layer in Enumerable.Range(0, file.Metadata.GetInt(name + ".block_count")))
                {
                    foreach (var (letter, key) in new[] { ('q', "head_count"), ('k', "head_count_kv") })
                    {
                        var heads = file.Metadata.GetInt($"{name}.attention.{key}");
                        var width = (int)(Find(file, $"blk.{layer}.attn_{letter}.weight").Dimensions[1] / heads);
                        float[] gains = [.. Enumerable.Range(0, isForEach ? heads * width : width).Select(i => 0.5f + ((areEqual ? i % width : i) % 7 * 0.25f))];
                        long[] dimensions = isForEach ? [width, heads] : [width];
                        writer.Add($"blk.{layer}.attn_{letter}_norm.weight", GgmlType.F32, dimensions, stream => stream.Write(MemoryMarshal.AsBytes<float>(gains)));
                    }
                }

                writer.Save(_path);
            }

            return GoldenModels.Logits(backend ?? new ReferenceBackend(), _path, tokens);
        }

        var one = With(isForEach: false, areEqual: true);
        var unequal = With(isForEach: true, areEqual: false);

        Assert.Equal(one, With(isForEach: true, areEqual: true));
        Assert.NotEqual(one, unequal);
        Assert.InRange(With(isForEach: true, areEqual: false, new CpuBackend()).Zip(unequal, (x, y) => Math.Abs(x - y)).Max(), 0, 1e-3f);
    }

    [Fact]
    public void Load_RecommendedSampling_IsRead()
    {
        var sampling = Load(("general.sampling.temp", GgufValue.Of(0.6f)), ("general.sampling.top_k", GgufValue.Of(20)), ("general.sampling.penalty_last_n", GgufValue.Of(-1))).Spec.Sampling;
        Assert.Equal(new RecommendedSampling { Temperature = 0.6f, TopK = 20, PenaltyWindow = -1 }, sampling);
    }

    [Fact]
    public void Load_VocabularyOfAnotherSize_IsRefusedWithBothSizes()
    {
        var error = Assert.Throws<ModelFormatException>(() => Load(("tokenizer.ggml.tokens", GgufValue.Of(["a", "b"]))));
        Assert.Contains("2 entries", error.Message, StringComparison.Ordinal);
        Assert.Contains("found 512", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("general.type", "adapter")]
    [InlineData("llama.rope.scaling.type", "ntk")]
    public void Load_AFileOfAnotherKind_IsNotSupportedByName(string key, string value)
    {
        var error = Assert.Throws<UnsupportedModelException>(() => Load((key, GgufValue.Of(value))));
        Assert.Contains($"'{value}'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_ADecoderThatSeesBothWays_GivesRowsInPlaceOfLogits()
    {
        var (spec, graph) = Load(("llama.attention.causal", GgufValue.Of(false)));

        Assert.False(spec.IsCausal);
        Assert.True(graph.NeedsWholeTexts);
        Assert.Equal(spec.Width, graph.Logits.Width);
    }

    // The golden llama with these keys.
    private LoadedGraph Load(params ReadOnlySpan<(string Key, GgufValue Value)> keys)
    {
        using (var file = GgufFile.Open(Golden.Path("models", "llama", "model.gguf")))
        {
            var writer = GgufWriter.From(file);
            foreach (var (key, value) in keys)
                writer.Set(key, value);
            writer.Save(_path);
        }

        using var changed = GgufFile.Open(_path);
        return ModelLoader.Load(changed);
    }

    private static GgufTensor Find(GgufFile file, string name)
    {
        Assert.True(file.TryGetTensor(name, out var tensor), name);
        return tensor;
    }

    private static void AddFused(GgufWriter writer, string name, GgufTensor[] parts)
    {
        var dimensions = parts[0].Dimensions.ToArray();
        dimensions[^1] = parts.Sum(part => part.Dimensions[^1]);
        writer.Add(name.Replace("attn_q", "attn_qkv", StringComparison.Ordinal), parts[0].Type, dimensions, stream =>
        {
            foreach (var part in parts)
                stream.Write(part.Slice(0, (int)part.Bytes));
        });
    }
}
