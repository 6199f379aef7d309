using EmbeddedLlm.Gguf;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Tests.Gguf;

public sealed class GgufWriterTests
{
    [Theory]
    [InlineData("llama")]
    [InlineData("qwen3")]
    public void Write_ModelOfTheRepository_HasTheSameBytes(string model) => AssertRoundTrip(Golden.Repo("models", model, "model.gguf"));

    [Theory]
    [InlineData("models")]
    [InlineData("quantized")]
    [InlineData("quantized-families")]
    [InlineData("tokenizers")]
    [InlineData("lora")]
    [InlineData("trained")]
    public void Write_GoldenFiles_HaveTheSameBytes(string folder)
    {
        var files = Directory.GetFiles(Golden.Path(folder), "*.gguf", SearchOption.AllDirectories);
        Assert.NotEmpty(files);
        Assert.All(files, AssertRoundTrip);
    }

    [Theory]
    [InlineData("HEADER_EMPTY_s1.gguf")]
    [InlineData("KV_RANDOM_KV_s1.gguf")]
    [InlineData("DATA_SUCCESS_s1.gguf")]
    [InlineData("DATA_CUSTOM_ALIGN_s1.gguf")]
    public void Write_OddFile_KeepsMetadataAndTensors(string name)
    {
        // Their padding is not what we write: bytes other than zero, or padding where no tensor follows.
        using var folder = new TemporaryFolder();
        using var expected = GgufFile.Open(Golden.Path("gguf-bad", name));
        GgufWriter.From(expected).Save(folder.File("m.gguf"));

        using var actual = GgufFile.Open(folder.File("m.gguf"));

        Assert.Equal(expected.Metadata.Keys, actual.Metadata.Keys);
        Assert.All(expected.Metadata.Keys, key =>
        {
            Assert.Equal(expected.Metadata[key].Type, actual.Metadata[key].Type);
            Assert.True(expected.Metadata[key].Raw.Span.SequenceEqual(actual.Metadata[key].Raw.Span));
        });
        Assert.Equal(expected.Tensors.Select(t => t.ToString()), actual.Tensors.Select(t => t.ToString()));
        for (var i = 0; i < expected.Tensors.Count; i++)
            Assert.True(expected.Tensors[i].Slice(0, (int)expected.Tensors[i].Bytes).SequenceEqual(actual.Tensors[i].Slice(0, (int)actual.Tensors[i].Bytes)));
    }

    [Fact]
    public void Write_Shards_GivesTheWholeModel()
    {
        using var shards = GgufFile.Open(Golden.Path("gguf-split", "model-00001-of-00003.gguf"));
        using var folder = new TemporaryFolder();
        GgufWriter.From(shards).Save(folder.File("whole.gguf"));

        using var whole = GgufFile.Open(folder.File("whole.gguf"));

        Assert.False(whole.Metadata.Contains("split.count"));
        Assert.Equal(shards.Tensors.Select(t => t.ToString()), whole.Tensors.Select(t => t.ToString()));
    }

    [Fact]
    public void Save_AllKindsOfValues_AreReadBack()
    {
        using var folder = new TemporaryFolder();
        var writer = new GgufWriter();
        writer.Set("text", GgufValue.Of("Grüße 🙂"));
        writer.Set("yes", GgufValue.Of(true));
        writer.Set("int", GgufValue.Of(-5));
        writer.Set("uint", GgufValue.Of(uint.MaxValue));
        writer.Set("long", GgufValue.Of(long.MinValue));
        writer.Set("ulong", GgufValue.Of(ulong.MaxValue));
        writer.Set("float", GgufValue.Of(0.5f));
        writer.Set("texts", GgufValue.Of(["a", "", "ü"]));
        writer.Set("ints", GgufValue.Of([1, -2, 3]));
        writer.Set("floats", GgufValue.Of([1.5f, float.NaN]));
        writer.Set("bools", GgufValue.Of([true, false]));
        writer.Set("general.alignment", GgufValue.Of(64u));
        writer.Set("int", GgufValue.Of(-6));
        writer.Add("first", GgmlType.F32, [3, 2], s => s.Write(new byte[24]));
        writer.Add("second", GgmlType.Q4_0, [32, 1, 1, 2], s => s.Write([.. Enumerable.Range(0, 36).Select(i => (byte)i)]));
        writer.Save(folder.File("m.gguf"));

        using var file = GgufFile.Open(folder.File("m.gguf"));

        var metadata = file.Metadata;
        Assert.Equal(["text", "yes", "int", "uint", "long", "ulong", "float", "texts", "ints", "floats", "bools", "general.alignment"], metadata.Keys);
        Assert.Equal("Grüße 🙂", metadata.GetString("text"));
        Assert.True(metadata.GetBool("yes"));
        Assert.Equal(-6, metadata.GetInt("int"));
        Assert.Equal(uint.MaxValue, metadata.GetLong("uint"));
        Assert.Throws<ModelFormatException>(() => metadata.GetInt("uint"));
        Assert.Equal(long.MinValue, metadata.GetLong("long"));
        Assert.Throws<ModelFormatException>(() => metadata.GetLong("ulong"));
        Assert.Equal(ulong.MaxValue.ToString(), metadata["ulong"].ToString());
        Assert.Equal(0.5f, metadata.GetFloat("float"));
        Assert.Equal(["a", "", "ü"], metadata.GetStrings("texts"));
        Assert.Equal([1, -2, 3], metadata.GetInts("ints"));
        Assert.Equal([1.5f, float.NaN], metadata.GetFloats("floats"));
        Assert.Equal([true, false], metadata.GetBools("bools"));
        Assert.Equal("[1, -2, 3]", metadata["ints"].ToString());
        Assert.Equal("[\"a\", \"\", \"ü\"]", metadata["texts"].ToString());
        Assert.Equal(64, file.Alignment);
        Assert.True(file.TryGetTensor("second", out var second));
        Assert.Equal([32, 1, 1, 2], second.Dimensions);
        Assert.Equal(Enumerable.Range(0, 36).Select(i => (byte)i), second.Slice(0, 36).ToArray());
    }

    [Fact]
    public void Save_TensorOfAnotherSize_FailsAndLeavesNothing()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("m.gguf"), "old");
        var writer = new GgufWriter();
        writer.Add("w", GgmlType.F32, [4], s => s.Write(new byte[15]));

        Assert.Contains("15 were written", Assert.Throws<InvalidOperationException>(() => writer.Save(folder.File("m.gguf"))).Message, StringComparison.Ordinal);
        Assert.Equal("old", File.ReadAllText(Assert.Single(Directory.GetFiles(folder.Path))));
    }

    [Fact]
    public void Save_Cancelled_LeavesNothing()
    {
        using var folder = new TemporaryFolder();
        var writer = new GgufWriter();
        writer.Add("w", GgmlType.F32, [4], s => s.Write(new byte[16]));

        Assert.Throws<OperationCanceledException>(() => writer.Save(folder.File("m.gguf"), new CancellationToken(canceled: true)));
        Assert.Empty(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void Add_WhatNoFileCanHold_Throws()
    {
        var writer = new GgufWriter();
        writer.Add("w", GgmlType.F32, [4], _ => { });
        Assert.Throws<ArgumentException>(() => writer.Add("w", GgmlType.F32, [4], _ => { }));
        Assert.Throws<ArgumentException>(() => writer.Add(new string('x', 64), GgmlType.F32, [4], _ => { }));
        Assert.Throws<ArgumentException>(() => writer.Add("a", GgmlType.Q4_0, [33], _ => { }));
        Assert.Throws<ArgumentException>(() => writer.Add("a", (GgmlType)99, [32], _ => { }));
        Assert.Throws<ArgumentException>(() => writer.Add("a", GgmlType.F32, [1, 1, 1, 1, 1], _ => { }));
        Assert.Throws<ArgumentException>(() => writer.Set("", GgufValue.Of(1)));
    }

    private static void AssertRoundTrip(string path)
    {
        using var file = GgufFile.Open(path);
        using var written = new MemoryStream();
        GgufWriter.From(file).Write(written);

        var expected = File.ReadAllBytes(path);
        var same = expected.AsSpan().CommonPrefixLength(written.ToArray());
        Assert.True(expected.Length == written.Length && same == expected.Length, $"{path}: {expected.Length} bytes, written {written.Length}, the first {same} alike");
    }
}
