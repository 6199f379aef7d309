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
    public void Save_NumbersOfAllTypes_AreReadBackByTypedLookUps()
    {
        using var folder = new TemporaryFolder();
        (GgufValueType Type, GgufValue Scalar, GgufValue Array, double Least, double Most)[] integers =
        [
            (GgufValueType.UInt8, GgufValue.Of(byte.MaxValue), GgufValue.Of([byte.MinValue, byte.MaxValue]), byte.MinValue, byte.MaxValue),
            (GgufValueType.Int8, GgufValue.Of(sbyte.MaxValue), GgufValue.Of([sbyte.MinValue, sbyte.MaxValue]), sbyte.MinValue, sbyte.MaxValue),
            (GgufValueType.UInt16, GgufValue.Of(ushort.MaxValue), GgufValue.Of([ushort.MinValue, ushort.MaxValue]), ushort.MinValue, ushort.MaxValue),
            (GgufValueType.Int16, GgufValue.Of(short.MaxValue), GgufValue.Of([short.MinValue, short.MaxValue]), short.MinValue, short.MaxValue),
            (GgufValueType.UInt32, GgufValue.Of(8u), GgufValue.Of([7u, 8u]), 7, 8),
            (GgufValueType.Int32, GgufValue.Of(int.MaxValue), GgufValue.Of([int.MinValue, int.MaxValue]), int.MinValue, int.MaxValue),
            (GgufValueType.UInt64, GgufValue.Of(8ul), GgufValue.Of([7ul, 8ul]), 7, 8),
            (GgufValueType.Int64, GgufValue.Of(8L), GgufValue.Of([-7L, 8L]), -7, 8),
        ];
        var writer = new GgufWriter();
        foreach (var (type, scalar, array, _, _) in integers)
        {
            writer.Set($"{type}", scalar);
            writer.Set($"{type}s", array);
        }

        writer.Set("double", GgufValue.Of(0.1));
        writer.Set("doubles", GgufValue.Of([0.1, double.NegativeInfinity]));
        writer.Set("large uints", GgufValue.Of([uint.MaxValue]));
        writer.Set("large longs", GgufValue.Of([long.MinValue, long.MaxValue]));
        writer.Set("large ulongs", GgufValue.Of([ulong.MaxValue]));
        writer.Save(folder.File("m.gguf"));

        using var file = GgufFile.Open(folder.File("m.gguf"));

        var metadata = file.Metadata;
        Assert.All(integers, row =>
        {
            var (name, names) = ($"{row.Type}", $"{row.Type}s");
            Assert.Equal((row.Type, false, 1), (metadata[name].Type, metadata[name].IsArray, metadata[name].Count));
            Assert.Equal((row.Type, true, 2), (metadata[names].ElementType, metadata[names].IsArray, metadata[names].Count));
            Assert.Equal((int)row.Most, metadata.GetInt(name));
            Assert.Equal((long)row.Most, metadata.GetLong(name));
            Assert.Equal((float)row.Most, metadata.GetFloat(name));
            Assert.Equal([(int)row.Least, (int)row.Most], metadata.GetInts(names));
            Assert.Equal([(float)row.Least, (float)row.Most], metadata.GetFloats(names));
            Assert.Equal($"{row.Most}", metadata[name].ToString());
            Assert.Equal($"[{row.Least}, {row.Most}]", metadata[names].ToString());
            Assert.Throws<ModelFormatException>(() => metadata.GetInt(names));
            Assert.Throws<ModelFormatException>(() => metadata.GetInts(name));
            Assert.Throws<ModelFormatException>(() => metadata.GetBool(name));
            Assert.Throws<ModelFormatException>(() => metadata.GetBools(names));
        });

        Assert.Equal(0.1f, metadata.GetFloat("double"));
        Assert.True(metadata["double"].TryGetNumber(0, out var number));
        Assert.Equal(0.1, number);
        Assert.False(metadata["double"].TryGetInteger(0, out _));
        Assert.Equal([0.1f, float.NegativeInfinity], metadata.GetFloats("doubles"));
        Assert.Throws<ModelFormatException>(() => metadata.GetInt("double"));
        Assert.Throws<ModelFormatException>(() => metadata.GetInts("doubles"));

        // What 32 bits, or 64 with a sign, cannot hold is refused and never cut.
        Assert.Throws<ModelFormatException>(() => metadata.GetInts("large uints"));
        Assert.Throws<ModelFormatException>(() => metadata.GetInts("large longs"));
        Assert.Throws<ModelFormatException>(() => metadata.GetInts("large ulongs"));
        Assert.True(metadata["large longs"].TryGetInteger(1, out var integer));
        Assert.Equal(long.MaxValue, integer);
        Assert.False(metadata["large ulongs"].TryGetInteger(0, out _));
    }

    [Fact]
    public void Save_ArraysInArrays_AreReadBack()
    {
        using var folder = new TemporaryFolder();
        var nested = GgufValue.Of([GgufValue.Of([1, 2, 3]), GgufValue.Of(["a", ""]), GgufValue.Of(Array.Empty<string>())]);
        var writer = new GgufWriter();
        writer.Set("nested", nested);
        writer.Set("behind", GgufValue.Of(7));
        writer.Save(folder.File("m.gguf"));

        using var file = GgufFile.Open(folder.File("m.gguf"));

        var value = file.Metadata["nested"];
        Assert.Equal((GgufValueType.Array, 3, "Array[3]"), (value.ElementType, value.Count, value.ToString()));
        Assert.Equal(nested.Raw.ToArray(), value.Raw.ToArray());
        Assert.Equal(7, file.Metadata.GetInt("behind"));
        Assert.Throws<ModelFormatException>(() => file.Metadata.GetInts("nested"));
        Assert.Throws<ModelFormatException>(() => file.Metadata.GetFloats("nested"));
        Assert.Throws<ArgumentException>(() => GgufValue.Of([GgufValue.Of(1)]));
        Assert.Throws<ArgumentException>(() => GgufValue.Of([nested]));
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
