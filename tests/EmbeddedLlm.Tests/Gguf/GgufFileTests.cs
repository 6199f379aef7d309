using System.Buffers.Binary;
using System.Text.Json.Nodes;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Tests.Gguf;

public sealed class GgufFileTests
{
    public static TheoryData<string, bool> GoodAndBadFiles()
    {
        var data = new TheoryData<string, bool>();
        if (Golden.IsPresent)
        {
            foreach (var line in File.ReadLines(Golden.Path("gguf-bad", "expected.jsonl")))
            {
                var entry = JsonNode.Parse(line)!;
                data.Add((string)entry["file"]!, (bool)entry["expect_load_ok"]!);
            }
        }
        else
        {
            data.Add("shared golden data", false);
        }

        return data;
    }

    [Fact]
    public void Open_MoreBytesThanAddresses_SaysWhichFileAndHowMany()
    {
        const string Memory = "/dev/shm";                                   // its files may be of any size, without taking any
        const long Bytes = 1L << 48;
        Assert.SkipUnless(OperatingSystem.IsLinux() && Directory.Exists(Memory), $"There is no {Memory}.");
        var path = Path.Combine(Memory, $"{Guid.NewGuid():N}.gguf");
        try
        {
            using (var file = File.Create(path))
                file.SetLength(Bytes);

            var exception = Assert.Throws<IOException>(() => GgufFile.Open(path));

            Assert.Contains($"'{path}' cannot be mapped, which takes {Bytes:N0} bytes", exception.Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Theory]
    [MemberData(nameof(GoodAndBadFiles))]
    public void Open_GoodOrBadFile_LoadsOrSaysWhy(string file, bool loads)
    {
        var path = Golden.Path("gguf-bad", file);
        if (loads)
        {
            using var model = GgufFile.Open(path);
            Assert.All(model.Tensors, t => Assert.True(model.TryGetTensor(t.Name, out _)));
        }
        else
        {
            var error = Assert.Throws<ModelFormatException>(() => GgufFile.Open(path).Dispose());
            Assert.Contains(file, error.Message, StringComparison.Ordinal);
            Assert.Contains("expected", error.Message, StringComparison.Ordinal);
            Assert.Contains("found", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Open_Model_ShowsMetadataAndTensors()
    {
        using var model = GgufFile.Open(Golden.Repo("models", "llama", "model.gguf"));

        Assert.Equal(3, model.Version);
        Assert.Equal(32, model.Alignment);
        Assert.Equal("llama", model.Metadata.GetString("general.architecture"));
        Assert.Equal(64, model.Metadata.GetInt("llama.embedding_length"));
        Assert.Equal(10000f, model.Metadata.GetFloat("llama.rope.freq_base"));
        Assert.True(model.Metadata.GetBool("tokenizer.ggml.add_bos_token"));
        Assert.Equal(512, model.Metadata.GetStrings("tokenizer.ggml.tokens").Count);
        Assert.Equal("<unk>", model.Metadata.GetStrings("tokenizer.ggml.tokens")[0]);
        Assert.Equal(512, model.Metadata.GetFloats("tokenizer.ggml.scores").Count);
        Assert.Equal([2, 3, 3], model.Metadata.GetInts("tokenizer.ggml.token_type").Take(3));

        Assert.True(model.TryGetTensor("blk.0.attn_k.weight", out var tensor));
        Assert.Equal(GgmlType.F32, tensor.Type);
        Assert.Equal([64, 32], tensor.Dimensions);
        Assert.Equal(64 * 32, tensor.ElementCount);
        Assert.Equal(64 * 32 * 4, tensor.Bytes);
        Assert.Equal(16, tensor.Slice(tensor.Bytes - 16, 16).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => tensor.Slice(tensor.Bytes - 16, 17).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => tensor.Slice(-1, 1).Length);
    }

    [Fact]
    public void GetString_MissingOrWrongKey_NamesKeyExpectedAndFound()
    {
        using var model = GgufFile.Open(Golden.Repo("models", "llama", "model.gguf"));
        var metadata = model.Metadata;

        Assert.Contains("'no.such' is missing; expected a string", Message(() => metadata.GetString("no.such")), StringComparison.Ordinal);
        Assert.Contains("'llama.block_count': expected a string, found UInt32 (3)", Message(() => metadata.GetString("llama.block_count")), StringComparison.Ordinal);
        Assert.Contains("expected an integer, found String (llama)", Message(() => metadata.GetInt("general.architecture", 1)), StringComparison.Ordinal);
        Assert.Contains("expected an integer, found an array of Int32", Message(() => metadata.GetInt("tokenizer.ggml.token_type")), StringComparison.Ordinal);
        Assert.Contains("expected an array of integers, found an array of String", Message(() => metadata.GetInts("tokenizer.ggml.tokens")), StringComparison.Ordinal);
        Assert.Contains("expected a Boolean", Message(() => metadata.GetBool("llama.block_count")), StringComparison.Ordinal);
        Assert.Equal(7, metadata.GetInt("no.such", 7));
        Assert.Equal("x", metadata.GetString("no.such", "x"));
        Assert.Null(metadata.GetString("no.such", null));

        static string Message(Func<object> act) => Assert.Throws<ModelFormatException>(act).Message;
    }

    [Theory]
    [InlineData("model-00001-of-00003.gguf")]
    [InlineData("model-00002-of-00003.gguf")]
    public void Open_AnyShard_OpensAllOfThem(string file)
    {
        using var split = GgufFile.Open(Golden.Path("gguf-split", file));
        using var whole = GgufFile.Open(Golden.Path("models", "llama", "model.gguf"));

        Assert.Equal("llama", split.Metadata.GetString("general.architecture"));
        Assert.Equal(whole.Tensors.Count, split.Tensors.Count);
        foreach (var tensor in whole.Tensors)
        {
            Assert.True(split.TryGetTensor(tensor.Name, out var other));
            Assert.True(tensor.Slice(0, (int)tensor.Bytes).SequenceEqual(other.Slice(0, (int)other.Bytes)));
        }
    }

    [Fact]
    public void Open_MissingShard_NamesIt()
    {
        using var folder = new TemporaryFolder();
        File.Copy(Golden.Path("gguf-split", "model-00001-of-00003.gguf"), folder.File("m-00001-of-00003.gguf"));
        File.Copy(Golden.Path("gguf-split", "model-00003-of-00003.gguf"), folder.File("m-00003-of-00003.gguf"));

        var error = Assert.Throws<ModelFormatException>(() => GgufFile.Open(folder.File("m-00001-of-00003.gguf")));

        Assert.Contains("m-00002-of-00003.gguf", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_ShardOfAnotherPlace_Refuses()
    {
        using var folder = new TemporaryFolder();
        File.Copy(Golden.Path("gguf-split", "model-00001-of-00003.gguf"), folder.File("m-00001-of-00003.gguf"));
        File.Copy(Golden.Path("gguf-split", "model-00003-of-00003.gguf"), folder.File("m-00002-of-00003.gguf"));
        File.Copy(Golden.Path("gguf-split", "model-00003-of-00003.gguf"), folder.File("m-00003-of-00003.gguf"));

        Assert.Contains("expected shard 1 of 3, found 2 of 3", Assert.Throws<ModelFormatException>(() => GgufFile.Open(folder.File("m-00001-of-00003.gguf"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_RenamedShard_SaysWhichNameIsExpected()
    {
        using var folder = new TemporaryFolder();
        File.Copy(Golden.Path("gguf-split", "model-00001-of-00003.gguf"), folder.File("m.gguf"));

        Assert.Contains("-00001-of-00003.gguf", Assert.Throws<ModelFormatException>(() => GgufFile.Open(folder.File("m.gguf"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_BigEndian_IsRefusedByName() =>
        Assert.Contains("big-endian", Assert.Throws<ModelFormatException>(() => GgufFile.Open(Golden.Path("gguf-split", "bigendian.gguf"))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(1, "version 1")]
    [InlineData(4, "found 4")]
    public void Open_OtherVersion_IsRefusedByName(int version, string expected)
    {
        using var folder = new TemporaryFolder();
        var bytes = new byte[32];
        "GGUF"u8.CopyTo(bytes);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(4), version);
        File.WriteAllBytes(folder.File("m.gguf"), bytes);

        Assert.Contains(expected, Assert.Throws<ModelFormatException>(() => GgufFile.Open(folder.File("m.gguf"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_Version2_Loads()
    {
        using var folder = new TemporaryFolder();
        var bytes = File.ReadAllBytes(Golden.Repo("models", "llama", "model.gguf"));
        bytes[4] = 2;
        File.WriteAllBytes(folder.File("m.gguf"), bytes);

        using var model = GgufFile.Open(folder.File("m.gguf"));

        Assert.Equal(2, model.Version);
        Assert.Equal(30, model.Tensors.Count);
    }

    [Fact]
    public void Slice_HeaderWithoutData_SaysSo()
    {
        using var model = GgufFile.Open(Golden.Path("gguf-bad", "TENSORS_SUCCESS_s1.gguf"));

        Assert.Contains("found none", Assert.Throws<ModelFormatException>(() => model.Tensors[0].Slice(0, 1).Length).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Slice_TensorBeyond4GB_ReadsTheRightBytes()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The file has holes, which need a file system that keeps them by itself.");
        using var folder = new TemporaryFolder();
        var writer = new GgufWriter();
        writer.Add("large", GgmlType.I8, [1L << 16, 5 << 15], s =>
        {
            s.Seek((5L << 31) - 3, SeekOrigin.Current);
            s.Write([1, 2, 3]);
        });
        writer.Add("behind", GgmlType.F32, [8], s => s.Write([.. Enumerable.Repeat((byte)7, 32)]));
        writer.Save(folder.File("m.gguf"));

        using var model = GgufFile.Open(folder.File("m.gguf"));

        Assert.True(model.TryGetTensor("large", out var large));
        Assert.Equal(5L << 31, large.Bytes);
        Assert.Equal([0, 1, 2, 3], large.Slice(large.Bytes - 4, 4).ToArray());
        Assert.True(model.TryGetTensor("behind", out var behind));
        Assert.All(behind.Slice(0, 32).ToArray(), b => Assert.Equal(7, b));
    }

    [Theory]
    [InlineData(1L << 62, 32)]
    [InlineData(0, 1L << 62)]
    [InlineData(1L << 62, 1L << 62)]
    [InlineData(long.MinValue, 32)]
    public void Open_TensorWhoseEndOverflows_IsRefused(long offset, long length)
    {
        using var folder = new TemporaryFolder();
        using (var file = new BinaryWriter(File.Create(folder.File("m.gguf"))))
        {
            file.Write("GGUF"u8);
            file.Write(3);
            file.Write(1L);
            file.Write(0L);
            file.Write(1L);
            file.Write("w"u8);
            file.Write(1);
            file.Write(length);
            file.Write((int)GgmlType.I8);
            file.Write(offset);
        }

        Assert.Contains("place of tensor 'w'", Assert.Throws<ModelFormatException>(() => GgufFile.Open(folder.File("m.gguf"))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Open_MoreKeysOrTensorsThanAllowed_IsRefusedBeforeMemoryIsSpent(bool tensors)
    {
        using var folder = new TemporaryFolder();
        var bytes = new byte[4 << 20];
        "GGUF"u8.CopyTo(bytes);
        bytes[4] = 3;
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(tensors ? 8 : 16), 50_000);
        File.WriteAllBytes(folder.File("m.gguf"), bytes);

        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("at most 32768, found 50000", Assert.Throws<ModelFormatException>(() => GgufFile.Open(folder.File("m.gguf"))).Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Fact]
    public void Open_KeysThatTakeMoreThanAllowedTogether_IsRefusedBeforeMemoryIsSpent()
    {
        using var folder = new TemporaryFolder();
        var writer = new GgufWriter();
        for (var i = 0; i < 100; i++)
            writer.Set($"{i:D4}{new string('k', 65531)}", GgufValue.Of(true));
        writer.Save(folder.File("m.gguf"));

        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains(
            "metadata keys (before byte 1114335): expected at most 1048576 bytes in all keys together, found 1114095 in the first 17.",
            Assert.Throws<ModelFormatException>(() => GgufFile.Open(folder.File("m.gguf"))).Message,
            StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
    }

    [Theory]
    [InlineData(1 << 15, 32)]
    [InlineData(16, 65535)]
    public void Open_AsManyKeysAsAllowed_TakesFourMegabytesBeyondTheFile(int count, int length)
    {
        using var folder = new TemporaryFolder();
        var writer = new GgufWriter();
        for (var i = 0; i < count; i++)
            writer.Set($"{i:D5}{new string('k', length - 5)}", GgufValue.Of(true));

        Assert.InRange(BytesBeyondTheFile(writer, folder), 0, 4 << 20);
    }

    [Theory]
    [InlineData(5, 1)]
    [InlineData(5, 4)]
    [InlineData(63, 1)]
    [InlineData(63, 4)]
    public void Open_AsManyTensorsAsAllowed_TakesNineMegabytesBeyondTheFile(int length, int rank)
    {
        using var folder = new TemporaryFolder();
        var writer = new GgufWriter();
        for (var i = 0; i < GgufLimits.Tensors; i++)
            writer.Add($"{i:D5}{new string('t', length - 5)}", GgmlType.F32, [0, .. Enumerable.Repeat(1L, rank - 1)], _ => { });

        Assert.InRange(BytesBeyondTheFile(writer, folder), 0, 9 << 20);
    }

    [Fact]
    public void Slice_AfterDispose_Throws()
    {
        var model = GgufFile.Open(Golden.Repo("models", "llama", "model.gguf"));
        model.Dispose();
        model.Dispose();

        Assert.Throws<ObjectDisposedException>(() => model.Tensors[0].Slice(0, 1).Length);
        Assert.Throws<ObjectDisposedException>(() => model.Metadata.GetString("general.architecture"));
    }

    [Fact]
    public void Layouts_OfTypesWeComputeWith_AreThoseOfTheTable() => Assert.All(BlockFormats.All, format =>
    {
        Assert.True(GgmlLayout.TryGet(format.Type, out var length, out var bytes));
        Assert.Equal((format.Length, format.BlockBytes), (length, bytes));
    });

    [Fact]
    public void Layouts_OfAllGoldenFormats_AreThoseOfTheTable()
    {
        foreach (var (name, entry) in JsonNode.Parse(File.ReadAllText(Golden.Path("formats", "index.json")))!.AsObject())
        {
            Assert.True(GgmlLayout.TryGet((GgmlType)(int)entry!["ggml_type"]!, out var length, out var bytes), name);
            Assert.Equal((name, (int)entry["block"]!, (int)entry["bytes"]!), (name, length, bytes));
        }
    }

    /// <summary>What opening allocates, garbage included, less the length of the file.</summary>
    private static long BytesBeyondTheFile(GgufWriter writer, TemporaryFolder folder)
    {
        writer.Save(folder.File("m.gguf"));
        GgufFile.Open(folder.File("m.gguf")).Dispose();
        var before = GC.GetAllocatedBytesForCurrentThread();
        GgufFile.Open(folder.File("m.gguf")).Dispose();
        return GC.GetAllocatedBytesForCurrentThread() - before - new FileInfo(folder.File("m.gguf")).Length;
    }
}
