using System.Buffers.Binary;
using EmbeddedLlm.Gguf;

namespace EmbeddedLlm.Tests.Gguf;

/// <summary>Broken files end in <see cref="ModelFormatException"/> or load; never anything else, never with memory that the file does not pay for.</summary>
public sealed class GgufFuzzTests : IDisposable
{
    private const int AllowedBytes = 6 << 20;

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Seeds()
    {
        var seeds = new TheoryData<string>("models/llama", "models/qwen3");
        if (Golden.IsPresent)
            seeds.AddRange("gguf-bad", "gguf-split", "quantized", "quantized-families", "models", "tokenizers", "lora", "trained");
        return seeds;
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Open_RandomBytes_LoadsOrThrowsModelFormatException()
    {
        var random = new Random(1);
        var path = _folder.File("random.gguf");
        for (var i = 0; i < 1500; i++)
        {
            var bytes = new byte[random.Next(200)];
            random.NextBytes(bytes);
            if (i % 4 != 0)
            {
                // A header that goes some way: magic, version, small counts.
                byte[] header = [.. "GGUF"u8, 3, 0, 0, 0, (byte)random.Next(3), 0, 0, 0, 0, 0, 0, 0, (byte)random.Next(3), 0, 0, 0, 0, 0, 0, 0, (byte)random.Next(1, 12), 0, 0, 0, 0, 0, 0, 0];
                header.AsSpan(0, Math.Min(header.Length, bytes.Length)).CopyTo(bytes);
            }

            File.WriteAllBytes(path, bytes);
            Try(path);
        }
    }

    [Theory]
    [InlineData("llama")]
    [InlineData("qwen3")]
    public void Open_TruncatedAtEveryByteOfTheHeader_ThrowsModelFormatException(string model)
    {
        var path = Copy(Golden.Repo("models", model, "model.gguf"));
        var (headerEnd, dataStart, boundaries) = Structure(path);
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);

        // From long to short, the boundaries of tensors and their neighbours first.
        var lengths = boundaries.SelectMany(b => new[] { b + 1, b, b - 1 }).Where(n => n > dataStart && n < new FileInfo(path).Length).OrderDescending();
        foreach (var length in lengths.Concat(Enumerable.Range(0, dataStart + 1).Reverse().Select(n => (long)n)).ToList())
        {
            RandomAccess.SetLength(file, length);
            var loaded = Try(path);

            // A file that ends between table and data is a header without data; everything else lacks something.
            Assert.Equal((length, length >= headerEnd && length <= dataStart), (length, loaded));
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Open_DamagedGoldenFile_LoadsOrThrowsModelFormatException(string seed)
    {
        var isRepository = seed.Contains('/', StringComparison.Ordinal);
        string[] files = isRepository ? [Golden.Repo([.. seed.Split('/'), "model.gguf"])] : Directory.GetFiles(Golden.Path(seed), "*.gguf", SearchOption.AllDirectories);
        var random = new Random(seed.Length);
        foreach (var source in files)
        {
            var path = Copy(source);
            var bytes = File.ReadAllBytes(path);
            var header = HeaderLength(bytes);

            // Each attempt reads the whole header, which has megabytes in a vocabulary.
            var attempts = isRepository ? 1500 : Math.Min(2000 / files.Length, 20 + (20 << 20) / header);
            for (var i = 0; i < attempts; i++)
            {
                // Vocabularies fill most of a header: half of the damage goes to its first and last parts.
                var at = random.Next(4) switch
                {
                    0 => random.Next(Math.Min(header, 1500)),
                    1 => Math.Max(0, header - 1 - random.Next(1500)),
                    _ => random.Next(header),
                };
                byte[] damage = random.Next(2) == 0 ? [(byte)(bytes[at] ^ (1 << random.Next(8)))] : Evil(random);
                damage = damage[..Math.Min(damage.Length, bytes.Length - at)];
                using (var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite))
                    RandomAccess.Write(file, damage, at);
                Try(path);
                using (var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite))
                    RandomAccess.Write(file, bytes.AsSpan(at, damage.Length), at);
            }

            for (var i = 0; i < 10; i++)
            {
                using (var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite))
                    RandomAccess.SetLength(file, random.NextInt64(RandomAccess.GetLength(file)));
                Try(path);
            }
        }
    }

    [Fact]
    public void Open_DeepArrays_AreRefusedWithoutRecursion()
    {
        // An array of one array of one array …
        byte[] level = [9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0];
        byte[] head = [.. "GGUF"u8, 3, 0, 0, 0, .. new byte[8], 1, .. new byte[7], 1, .. new byte[7], (byte)'k', 9, 0, 0, 0];
        File.WriteAllBytes(_folder.File("deep.gguf"), [.. head, .. Enumerable.Repeat(level, 100_000).SelectMany(b => b)]);

        Assert.Contains("deep", Assert.Throws<ModelFormatException>(() => GgufFile.Open(_folder.File("deep.gguf"))).Message, StringComparison.Ordinal);
    }

    private static byte[] Evil(Random random)
    {
        var value = random.Next(8) switch
        {
            0 => 0UL,
            1 => ulong.MaxValue,
            2 => (ulong)long.MaxValue,
            3 => 1UL << 63,
            4 => (ulong)uint.MaxValue,
            5 => 1UL << 31,
            6 => (ulong)random.NextInt64(),
            _ => (ulong)random.Next(1 << 20),
        };
        var bytes = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        return random.Next(2) == 0 ? bytes : bytes[..4];
    }

    /// <summary>Opens the file and looks at everything in it; whether it loaded.</summary>
    private static bool Try(string path)
    {
        var length = new FileInfo(path).Length;
        var before = GC.GetAllocatedBytesForCurrentThread();
        var loaded = false;
        try
        {
            using var file = GgufFile.Open(path);
            Check();
            loaded = true;
            foreach (var key in file.Metadata.Keys)
                _ = file.Metadata[key].ToString();
            foreach (var tensor in file.Tensors)
            {
                for (var offset = 0L; offset < tensor.Bytes; offset += Math.Max(1, tensor.Bytes - 1))
                    _ = tensor.Slice(offset, 1)[0];
            }
        }
        catch (ModelFormatException e)
        {
            Check();
            Assert.Contains(path, e.Message, StringComparison.Ordinal);
        }

        return loaded;

        void Check()
        {
            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated <= length + AllowedBytes, $"{allocated} bytes allocated for a file of {length}");
        }
    }

    private static int HeaderLength(byte[] bytes)
    {
        // Where the last tensor name ends, roughly: the data of golden files begins with the first long run of no text.
        var last = bytes.AsSpan().LastIndexOf(".weight"u8);
        return last < 0 ? bytes.Length : Math.Min(bytes.Length, last + 64);
    }

    private string Copy(string source)
    {
        var path = _folder.File("copy.gguf");
        File.WriteAllBytes(path, File.ReadAllBytes(source));
        return path;
    }

    private static (int HeaderEnd, int DataStart, List<long> Boundaries) Structure(string path)
    {
        using var file = GgufFile.Open(path);
        var bytes = File.ReadAllBytes(path);

        // The table's last entry ends with type and offset, the header with the padding behind them.
        var data = file.Tensors.Sum(t => (t.Bytes + file.Alignment - 1) / file.Alignment * file.Alignment);
        var dataStart = (int)(bytes.Length - data);
        var lastName = bytes.AsSpan(0, dataStart).LastIndexOf(System.Text.Encoding.UTF8.GetBytes(file.Tensors[^1].Name));
        var headerEnd = lastName + file.Tensors[^1].Name.Length + 4 + 8 * file.Tensors[^1].Dimensions.Length + 4 + 8;
        var boundaries = new List<long> { bytes.Length };
        var offset = (long)dataStart;
        foreach (var tensor in file.Tensors)
        {
            boundaries.AddRange([offset, offset + tensor.Bytes]);
            offset += (tensor.Bytes + file.Alignment - 1) / file.Alignment * file.Alignment;
        }

        return (headerEnd, dataStart, boundaries);
    }
}
