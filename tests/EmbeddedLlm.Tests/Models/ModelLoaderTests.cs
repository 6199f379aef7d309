using System.Buffers.Binary;
using System.Text;
using CsCheck;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Models;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Tests.Models;

public sealed class ModelLoaderTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void Load_OfALlama_DescribesIt()
    {
        var spec = Load(Header("llama")).Spec;
        Assert.Equal(("llama", 256, 64, 3, 4, 2, 16, 512), (spec.Family, spec.ContextLength, spec.Width, spec.Layers, spec.Heads, spec.KvHeads, spec.HeadWidth, spec.VocabularySize));
        Assert.Equal(2 * 512 * 64 + 64 + 3 * (2 * 64 + 2 * 64 * 64 + 2 * 32 * 64 + 3 * 128 * 64), spec.ParameterCount);
        Assert.Null(spec.Sampling.Temperature);
    }

    [Fact]
    public void Load_OfALlama_NamesASitePerProjection()
    {
        var sites = Load(Header("llama")).Graph.Sites;
        Assert.Equal(3 * 7 + 1, sites.Length);
        Assert.Contains("blk.2.attn_q", sites);
        Assert.Contains("output", sites);
    }

    [Fact]
    public void Load_UnknownFamily_NamesItAndThoseThatWork()
    {
        var error = Assert.Throws<UnsupportedModelException>(() => Load(Replace(Header("llama"), "\u0005\0\0\0\0\0\0\0llama", "\u0005\0\0\0\0\0\0\0alpha")));
        Assert.Contains("'alpha'", error.Message, StringComparison.Ordinal);
        Assert.Contains(string.Join(", ", ModelLoader.Families), error.Message, StringComparison.Ordinal);
        Assert.Contains("adding-a-model", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_MissingTensor_NamesIt()
    {
        var error = Assert.Throws<ModelFormatException>(() => Load(Replace(Header("llama"), "blk.1.attn_q.weight", "blk.1.attn_x.weight")));
        Assert.Contains("'blk.1.attn_q.weight' is missing", error.Message, StringComparison.Ordinal);
        Assert.Contains("again", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_TensorWithoutAPlace_IsRefusedByName()
    {
        // The head norm of a qwen3 renamed: the model would run, and be another one.
        var error = Assert.Throws<UnsupportedModelException>(() => Load(Replace(Header("qwen3"), "blk.1.attn_q_norm.weight", "blk.1.attn_q_gain.weight")));
        Assert.Contains("'blk.1.attn_q_gain.weight'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_TensorOfAnotherShape_NamesBothShapes()
    {
        var header = Header("llama");
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(Find(header, "blk.0.attn_k.weight") + 12), 31);   // name, dimension count, first dimension, second dimension
        var error = Assert.Throws<ModelFormatException>(() => Load(header));
        Assert.Contains("'blk.0.attn_k.weight': expected [64, 32, 1], found [64, 31]", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_TensorLongerThanAnyModelHas_IsRefusedBeforeItsSizesAreMultiplied()
    {
        // A feed-forward width of 2^26: packed rows of floats would have 2^32 bytes.
        var header = Header("llama");
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(Find(header, "blk.0.ffn_up.weight") + 12), 1L << 26);
        var error = Assert.Throws<ModelFormatException>(() => Load(header));
        Assert.Contains("'blk.0.ffn_up.weight': expected sizes from 1 to 16777216, found [64, 67108864]", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_UnsupportedFormat_NamesTensorAndFormat()
    {
        var header = Header("llama");
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(Find(header, "blk.2.ffn_up.weight") + 20), 24);
        var error = Assert.Throws<UnsupportedModelException>(() => Load(header));
        Assert.Contains("'blk.2.ffn_up.weight' has the format I8", error.Message, StringComparison.Ordinal);
        Assert.Contains($"Supported: {string.Join(", ", BlockFormats.All)}. Take the model in one of these", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("llama.attention.head_count", 0)]
    [InlineData("llama.attention.head_count", 3)]
    [InlineData("llama.attention.head_count_kv", 3)]
    [InlineData("llama.block_count", 0)]
    [InlineData("llama.block_count", 4)]
    [InlineData("llama.block_count", int.MaxValue)]
    [InlineData("llama.embedding_length", -1)]
    [InlineData("llama.embedding_length", 128)]
    [InlineData("llama.rope.dimension_count", 15)]
    [InlineData("llama.rope.dimension_count", 18)]
    [InlineData("llama.rope.freq_base", 0x7fc00000)]     // NaN
    [InlineData("llama.attention.layer_norm_rms_epsilon", unchecked((int)0xff800000))]     // −∞
    public void Load_HyperparameterThatCannotBe_IsRefused(string key, int value)
    {
        var header = Header("llama");
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(Find(header, key) + 4), value);
        Assert.Throws<ModelFormatException>(() => Load(header));
    }

    [Fact]
    public void Load_MutatedHeaders_EndInAGraphOrATypedException()
    {
        (byte[] Header, int[] Keys)[] models = [.. ((string[])["llama", "llama_yarn", "llama_moe", "mistral3", "granite", "qwen2", "qwen3_tied", "smollm3", "mamba2", "granitehybrid", "lfm2", "qwen35"]).Select(Mutable)];
        uint[] hostile = [0, 1, 2, 3, 5, 64, 0x7f, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff, 0x3f800000, 0x7f800000, 0xff800000, 0x7fc00000, 0x00000001, 0x7f7fffff];
        Gen.Int[0, int.MaxValue].Sample(
            seed =>
            {
                var random = new Random(seed);
                var (header, places) = models[random.Next(models.Length)];
                header = [.. header];
                for (var change = random.Next(1, 4); change > 0; change--)
                {
                    var place = places[random.Next(places.Length)];
                    switch (random.Next(5))
                    {
                        case 0:
                            header[place - 1] ^= 1;             // another name
                            break;
                        case 1:
                            header[place] = (byte)random.Next(13);      // another type
                            break;
                        case 2:
                            random.NextBytes(header.AsSpan(Math.Min(place + 4, header.Length - 4), 4));
                            break;
                        default:
                            BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(Math.Min(place + 4, header.Length - 4)), hostile[random.Next(hostile.Length)]);
                            break;
                    }
                }

                try
                {
                    var graph = Load(header).Graph;
                    Assert.NotEmpty(GraphPrinter.Print(graph));
                    Assert.NotEmpty(MemoryPlan.For(graph).Buffers);
                }
                catch (LlmException exception) when (exception is ModelFormatException or UnsupportedModelException)
                {
                    Assert.NotEmpty(exception.Message);
                }
            },
            iter: 1500,
            threads: 1);
    }

    private LoadedGraph Load(byte[] header)
    {
        File.WriteAllBytes(_path, header);
        using var file = GgufFile.Open(_path);
        return ModelLoader.Load(file);
    }

    // A header and the places right behind its keys and tensor names.
    private static (byte[] Header, int[] Places) Mutable(string model)
    {
        using var file = GgufFile.Open(Golden.Path("models", model, "model.gguf"));
        var header = Header(model);
        string[] names = [.. file.Metadata.Keys.Where(key => !key.StartsWith("tokenizer.", StringComparison.Ordinal)), .. file.Tensors.Select(tensor => tensor.Name)];
        return (header, [.. names.Select(name => Find(header, name))]);
    }

    // A file without its tensor data: the loader reads none.
    private static byte[] Header(string model)
    {
        var path = Golden.Path("models", model, "model.gguf");
        using var file = GgufFile.Open(path);
        var bytes = File.ReadAllBytes(path);
        var last = file.Tensors[^1];
        return bytes[..(Find(bytes, last.Name) + 4 + 8 * last.Dimensions.Length + 4 + 8)];
    }

    // The first byte behind a key or name, which stands behind its length.
    private static int Find(byte[] bytes, string name)
    {
        byte[] sought = [.. BitConverter.GetBytes((long)name.Length), .. Encoding.UTF8.GetBytes(name)];
        var place = bytes.AsSpan().IndexOf(sought);
        Assert.True(place >= 0, name);
        return place + sought.Length;
    }

    private static byte[] Replace(byte[] bytes, string text, string by)
    {
        var place = bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes(text));
        Assert.True(place >= 0 && by.Length == text.Length, text);
        Encoding.UTF8.GetBytes(by).CopyTo(bytes, place);
        return bytes;
    }
}
