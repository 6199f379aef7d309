using System.Runtime.InteropServices;
using System.Text;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Tests.Gguf;

public sealed class ImportanceMatrixTests
{
    [Fact]
    public void Load_SavedMatrix_IsTheSame()
    {
        using var folder = new TemporaryFolder();
        var matrix = Matrix(("blk.0.ffn_up.weight", [1, 2, 3], [4]), ("blk.0.ffn_up_exps.weight", [1, 2, 3, 4], [5, 0]));
        matrix.Save(folder.File("m.gguf"), TestContext.Current.CancellationToken);

        var loaded = ImportanceMatrix.Load(folder.File("m.gguf"));

        Assert.Equal(["a text"], loaded.Datasets);
        Assert.Equal((7, 512), (loaded.ChunkCount, loaded.ChunkLength));
        Assert.Equal(matrix.Entries.Select(e => (e.Key, string.Join(' ', e.Value.Sums), string.Join(' ', e.Value.Counts))), loaded.Entries.Select(e => (e.Key, string.Join(' ', e.Value.Sums), string.Join(' ', e.Value.Counts))));
        Assert.Single(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void Save_Matrix_HasTheTensorsAndKeysOfLlamaCpp()
    {
        using var folder = new TemporaryFolder();
        Matrix(("blk.0.ffn_up_exps.weight", [1, 2, 3, 4, 5, 6], [5, 0])).Save(folder.File("m.gguf"), TestContext.Current.CancellationToken);

        using var file = GgufFile.Open(folder.File("m.gguf"));

        Assert.Equal(["blk.0.ffn_up_exps.weight.in_sum2 F32 [3, 2]", "blk.0.ffn_up_exps.weight.counts F32 [1, 2]"], file.Tensors.Select(t => t.ToString()));
        Assert.Equal("imatrix", file.Metadata.GetString("general.type"));
        Assert.Equal((7u, 512u), ((uint)file.Metadata.GetInt("imatrix.chunk_count"), (uint)file.Metadata.GetInt("imatrix.chunk_size")));
    }

    [Fact]
    public void Save_Cancelled_LeavesTheOldFile()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("m.gguf"), "old");

        Assert.ThrowsAny<OperationCanceledException>(() => Matrix(("w", [1], [1])).Save(folder.File("m.gguf"), new CancellationToken(canceled: true)));

        Assert.Equal("old", File.ReadAllText(folder.File("m.gguf")));
        Assert.Single(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void Load_OldFormat_HasItsNumbers()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("m.dat"), Dat(("blk.0.attn_q.weight", 3, [1.5f, 2.5f])));

        var matrix = ImportanceMatrix.Load(folder.File("m.dat"));

        var entry = Assert.Single(matrix.Entries);
        Assert.Equal("blk.0.attn_q.weight", entry.Key);
        Assert.Equal([1.5f, 2.5f], entry.Value.Sums);
        Assert.Equal(["wiki.txt"], matrix.Datasets);
        Assert.Equal(9, matrix.ChunkCount);
    }

    [Fact]
    public void Load_OldFormatCutAnywhere_IsRefusedOrEndsAtItsChunks()
    {
        using var folder = new TemporaryFolder();
        var whole = Dat(("blk.0.attn_q.weight", 3, [1.5f, 2.5f]));
        var withoutChunks = whole.Length - 16;      // a count, a length and eight letters
        for (var length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(folder.File("m.dat"), whole[..length]);
            if (length == withoutChunks || length == withoutChunks + 4)
                Assert.Single(ImportanceMatrix.Load(folder.File("m.dat")).Tensors);
            else
                Assert.Contains("m.dat", Assert.Throws<ModelFormatException>(() => ImportanceMatrix.Load(folder.File("m.dat"))).Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(-1f)]
    public void Load_NumberThatNoSumOfSquaresIs_IsRefused(float number)
    {
        using var folder = new TemporaryFolder();
        Matrix(("blk.3.attn_q.weight", [1, number], [4])).Save(folder.File("m.gguf"), TestContext.Current.CancellationToken);
        File.WriteAllBytes(folder.File("m.dat"), Dat(("blk.3.attn_q.weight", 3, [1, number])));

        foreach (var name in (string[])["m.gguf", "m.dat"])
            Assert.Contains("blk.3.attn_q.weight", Assert.Throws<ModelFormatException>(() => ImportanceMatrix.Load(folder.File(name))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model", "w.in_sum2", 2, "w.counts", 1, "general.type")]
    [InlineData("imatrix", "w.in_sum2", 2, "v.counts", 1, "w.counts")]
    [InlineData("imatrix", "w.in_sum2", 2, "w.counts", 2, "w.counts")]
    [InlineData("imatrix", "w.in_sum2", 2, "w.counts", 3, "w.counts")]
    [InlineData("imatrix", "w.sum", 2, "w.counts", 1, "w.sum")]
    public void Load_WrongShapesOrNames_AreRefused(string type, string name, int length, string countName, int count, string named)
    {
        using var folder = new TemporaryFolder();
        var writer = new GgufWriter();
        writer.Set("general.type", GgufValue.Of(type));
        writer.Add(name, GgmlType.F32, [length], s => s.Write(new byte[4 * length]));
        writer.Add(countName, GgmlType.F32, [count], s => s.Write(new byte[4 * count]));
        writer.Save(folder.File("m.gguf"), TestContext.Current.CancellationToken);

        Assert.Contains(named, Assert.Throws<ModelFormatException>(() => ImportanceMatrix.Load(folder.File("m.gguf"))).Message, StringComparison.Ordinal);
    }

    internal static ImportanceMatrix Matrix(params (string Name, float[] Sums, float[] Counts)[] entries)
    {
        var all = new OrderedDictionary<string, ImportanceEntry>(StringComparer.Ordinal);
        foreach (var (name, sums, counts) in entries)
            all.Add(name, new ImportanceEntry(sums, counts));
        return new ImportanceMatrix("test.gguf", ["a text"], 7, 512, all);
    }

    private static byte[] Dat(params (string Name, int Calls, float[] Sums)[] entries)
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write(entries.Length);
        foreach (var (name, calls, sums) in entries)
        {
            writer.Write(name.Length);
            writer.Write(Encoding.UTF8.GetBytes(name));
            writer.Write(calls);
            writer.Write(sums.Length);
            writer.Write(MemoryMarshal.AsBytes<float>(sums));
        }

        writer.Write(9);
        writer.Write("wiki.txt".Length);
        writer.Write("wiki.txt"u8);
        return stream.ToArray();
    }
}
