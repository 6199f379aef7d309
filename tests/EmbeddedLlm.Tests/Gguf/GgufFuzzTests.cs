using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Tests.Gguf;

/// <summary>Broken files end in <see cref="ModelFormatException"/> or load; never anything else, never with memory that the file does not pay for, never for long.</summary>
public sealed partial class GgufFuzzTests : IDisposable
{
    private const int AllowedBytes = 6 << 20;

    /// <summary>The largest golden file opens in milliseconds; this is for machines that are busy, and far below anything quadratic.</summary>
    private static readonly TimeSpan AllowedTime = TimeSpan.FromSeconds(10);

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
        var path = Copy(Golden.Repo("models", model, "model.gguf"))[0];
        var layout = Layout.Of(File.ReadAllBytes(path));

        for (var length = layout.DataStart; length >= 0; length--)
        {
            SetLength(path, length);
            Assert.Equal((length, layout.Loads(length)), (length, Try(path)));
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Open_TruncatedAtEveryBoundary_ThrowsModelFormatException(string seed)
    {
        foreach (var source in Files(seed))
        {
            var path = Copy(source)[0];
            var bytes = File.ReadAllBytes(path);
            if (Try(path))
            {
                // From long to short, each boundary and the byte before it.
                var layout = Layout.Of(bytes);
                foreach (var length in layout.Boundaries.SelectMany(b => new[] { b, b - 1 }).Distinct().OrderDescending())
                {
                    SetLength(path, length);
                    Assert.Equal((source, length, layout.Loads(length)), (source, length, Try(path)));
                }
            }
            else
            {
                // A file that is damaged already has no boundaries to go by.
                for (var length = Math.Min(bytes.Length, 1 << 13); length >= 0; length -= 5)
                {
                    SetLength(path, length);
                    Try(path);
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Open_DamagedGoldenFile_LoadsOrThrowsModelFormatException(string seed)
    {
        var files = Files(seed);
        var random = new Random(seed.Length);
        foreach (var source in files)
        {
            var shards = Copy(source);
            var path = shards[0];
            var bytes = File.ReadAllBytes(path);
            var loads = Try(path);
            Assert.True(loads || shards.Count == 1, $"{path} does not load even without damage");
            var header = loads ? (int)Layout.Of(bytes).HeaderEnd : bytes.Length;
            var split = bytes.AsSpan(0, header).IndexOf("split."u8);

            // Each attempt reads the whole header, which has megabytes in a vocabulary.
            var attempts = seed.Contains('/', StringComparison.Ordinal) ? 1500 : Math.Min(2000 / files.Length, 20 + (20 << 20) / header);
            for (var i = 0; i < attempts; i++)
            {
                // Vocabularies fill most of a header: half of the damage goes to its first and last parts, and to what tells of shards.
                var at = random.Next(4) switch
                {
                    0 when split >= 0 && random.Next(2) == 0 => Math.Min(header - 1, split + random.Next(100)),
                    0 => random.Next(Math.Min(header, 1500)),
                    1 => Math.Max(0, header - 1 - random.Next(1500)),
                    _ => random.Next(header),
                };
                byte[] damage = random.Next(2) == 0 ? [(byte)(bytes[at] ^ (1 << random.Next(8)))] : Evil(random);
                damage = damage[..Math.Min(damage.Length, bytes.Length - at)];
                using (var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite))
                    RandomAccess.Write(file, damage, at);
                Try(shards[random.Next(shards.Count)]);
                using (var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite))
                    RandomAccess.Write(file, bytes.AsSpan(at, damage.Length), at);
            }

            for (var i = 0; i < 10; i++)
            {
                SetLength(path, random.NextInt64(new FileInfo(path).Length));
                Try(shards[random.Next(shards.Count)]);
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

    /// <summary>Opens the model and looks at everything in it; whether it loaded.</summary>
    private static bool Try(string path)
    {
        // Opening runs on the thread that asks for it: the reader is a ref struct, which no other thread can reach.
        // So this thread's allocations are all, and those of tests that run beside this one do not count.
        var (stem, shards) = Shards(path);
        var length = shards.Where(File.Exists).Sum(shard => new FileInfo(shard).Length);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var clock = Stopwatch.StartNew();
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
            Assert.StartsWith(stem, e.Message, StringComparison.Ordinal);
        }

        return loaded;

        void Check()
        {
            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated <= length + AllowedBytes, $"{allocated} bytes allocated for a file of {length}");
            Assert.True(clock.Elapsed < AllowedTime, $"{clock.Elapsed} taken for a file of {length} bytes");
        }
    }

    private static string[] Files(string seed) => seed.Contains('/', StringComparison.Ordinal)
        ? [Golden.Repo([.. seed.Split('/'), "model.gguf"])]
        : Directory.GetFiles(Golden.Path(seed), "*.gguf", SearchOption.AllDirectories);

    /// <summary>Copies a file, and the other shards where it is one: the paths of the copies, that of the file first. Names stay, as shards are found by them.</summary>
    private List<string> Copy(string source)
    {
        var copies = new List<string>();
        foreach (var shard in Shards(source).Paths.OrderByDescending(shard => shard == source))
        {
            copies.Add(_folder.File(Path.GetFileName(shard)));
            File.WriteAllBytes(copies[^1], File.ReadAllBytes(shard));
        }

        return copies;
    }

    /// <summary>What the paths of all shards begin with, and those paths; the path itself for a file that is none.</summary>
    private static (string Stem, string[] Paths) Shards(string path)
    {
        var suffix = ShardSuffix().Match(path);
        if (!suffix.Success)
            return (path, [path]);
        var (stem, count) = (path[..suffix.Index], int.Parse(suffix.Groups[1].ValueSpan, CultureInfo.InvariantCulture));
        return (stem, [.. Enumerable.Range(1, count).Select(number => $"{stem}-{number:D5}-of-{count:D5}.gguf")]);
    }

    private static void SetLength(string path, long length)
    {
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);
        RandomAccess.SetLength(file, length);
    }

    [GeneratedRegex(@"-\d{5}-of-(\d{5})\.gguf$")]
    private static partial Regex ShardSuffix();

    /// <summary>Where the parts of a sound file end, read without the reader under test.</summary>
    private sealed class Layout
    {
        private long _end;

        /// <summary>Where the table ends.</summary>
        public long HeaderEnd { get; private set; }

        /// <summary>Where the data of tensors begins.</summary>
        public long DataStart { get; private set; }

        /// <summary>Ends of all fields of header and table, of some elements of arrays, beginnings and ends of the data of all tensors.</summary>
        public List<long> Boundaries { get; } = [];

        /// <summary>Whether the file loads when it is cut: a file that ends between table and data is a header without data.</summary>
        public bool Loads(long length) => length >= HeaderEnd && (length <= DataStart || length >= _end);

        public static Layout Of(byte[] bytes)
        {
            var layout = new Layout();
            using var reader = new BinaryReader(new MemoryStream(bytes));
            layout.Read(reader);
            return layout;
        }

        private void Read(BinaryReader reader)
        {
            var alignment = 32L;
            Skip(reader, 4);
            Skip(reader, 4);
            var tensors = Number(reader);
            var keys = Number(reader);
            for (var i = 0L; i < keys; i++)
            {
                var key = reader.ReadBytes((int)Number(reader));
                Mark(reader);
                var type = Type(reader);
                Value(reader, type);
                if (!key.AsSpan().SequenceEqual("general.alignment"u8))
                    continue;
                reader.BaseStream.Position -= sizeof(uint);
                alignment = reader.ReadUInt32();
            }

            var data = new List<(long Offset, long Bytes)>();
            for (var i = 0L; i < tensors; i++)
            {
                Value(reader, GgufValueType.String);
                var dimensions = new long[reader.ReadInt32()];
                Mark(reader);
                for (var d = 0; d < dimensions.Length; d++)
                    dimensions[d] = Number(reader);
                Assert.True(GgmlLayout.TryGet((GgmlType)Type(reader), out var blockLength, out var blockBytes));
                data.Add((Number(reader), dimensions.Aggregate(1L, (product, size) => product * size) / blockLength * blockBytes));
            }

            long Aligned(long offset) => (offset + alignment - 1) / alignment * alignment;
            HeaderEnd = reader.BaseStream.Position;
            DataStart = Aligned(HeaderEnd);
            foreach (var (offset, bytes) in data)
                Boundaries.AddRange([DataStart + offset, DataStart + offset + bytes]);
            _end = DataStart + data.Select(tensor => Aligned(tensor.Offset + tensor.Bytes)).DefaultIfEmpty().Max();
            Boundaries.Add(_end);
            Boundaries.RemoveAll(boundary => boundary > reader.BaseStream.Length);
        }

        private void Value(BinaryReader reader, GgufValueType type)
        {
            if (type == GgufValueType.Array)
            {
                var element = Type(reader);
                var count = Number(reader);
                for (var i = 0L; i < count; i++)
                {
                    // Vocabularies have hundreds of thousands of elements.
                    var known = Boundaries.Count;
                    Value(reader, element);
                    if (i % Math.Max(1, count / 8) != 0)
                        Boundaries.RemoveRange(known, Boundaries.Count - known);
                }
            }
            else
            {
                Skip(reader, type == GgufValueType.String ? Number(reader) : GgufValue.SizeOf(type));
            }
        }

        private GgufValueType Type(BinaryReader reader)
        {
            var type = reader.ReadUInt32();
            Mark(reader);
            return (GgufValueType)type;
        }

        private long Number(BinaryReader reader)
        {
            var number = reader.ReadInt64();
            Mark(reader);
            return number;
        }

        private void Skip(BinaryReader reader, long bytes)
        {
            reader.BaseStream.Seek(bytes, SeekOrigin.Current);
            Mark(reader);
        }

        private void Mark(BinaryReader reader) => Boundaries.Add(reader.BaseStream.Position);
    }
}
