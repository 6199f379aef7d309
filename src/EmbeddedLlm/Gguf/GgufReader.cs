using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Gguf;

/// <summary>
/// Reads header, metadata and tensor table of one file (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md).
/// The file is foreign: every count, length, offset and product is checked against what the file can hold before it is used.
/// </summary>
internal ref struct GgufReader
{
    public const int DefaultAlignment = 32;
    public const string AlignmentKey = "general.alignment";
    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    private readonly GgufMapping _mapping;
    private readonly ReadOnlyMemory<byte> _bytes;
    private int _at;

    private GgufReader(GgufMapping mapping)
    {
        _mapping = mapping;
        _bytes = mapping.Memory;
    }

    private readonly int Remaining => _bytes.Length - _at;

    public static GgufShard Read(GgufMapping mapping) => new GgufReader(mapping).Read();

    private GgufShard Read()
    {
        var version = ReadVersion();
        var tensorCount = ReadCount("tensor count", GgufLimits.Tensors, minimumBytes: 33);
        var keyCount = ReadCount("metadata key count", GgufLimits.MetadataKeys, minimumBytes: 14);
        var metadata = ReadMetadata(keyCount);
        var alignment = ReadAlignment(metadata);
        var table = new List<TableEntry>(tensorCount);
        for (var i = 0; i < tensorCount; i++)
            table.Add(ReadTableEntry());

        // Behind the table the file is padded to the alignment, and so is every tensor, the last one too.
        var dataStart = Align(_at, alignment);
        var tensors = ImmutableArray.CreateBuilder<GgufTensor>(tensorCount);
        var dataBytes = 0L;
        foreach (var entry in table)
        {
            if (entry.Offset % (ulong)alignment != 0)
                Fail($"offset of tensor '{entry.Name}'", $"a multiple of the alignment {alignment}", entry.Offset.ToString());
            // No file is that long; below it none of the sums overflows.
            if (entry.Offset > GgufLimits.FileBytes || entry.Bytes > GgufLimits.FileBytes)
                Fail($"place of tensor '{entry.Name}'", "inside the file", $"{entry.Bytes} bytes at offset {entry.Offset}");
            dataBytes = Math.Max(dataBytes, Align((long)entry.Offset + entry.Bytes, alignment));
            tensors.Add(new GgufTensor(entry.Name, entry.Type, entry.Dimensions, entry.Elements, entry.Bytes, _mapping, dataStart + (long)entry.Offset));
        }

        // A file that ends with its table is a header alone, as some tools write it: it can be inspected, not computed with.
        if (_mapping.Length > dataStart && _mapping.Length - dataStart < dataBytes)
            Fail("tensor data", $"{dataBytes} bytes from byte {dataStart} on", $"{_mapping.Length - dataStart}");
        return new GgufShard(version, alignment, metadata, tensors.MoveToImmutable());
    }

    private int ReadVersion()
    {
        if (!Take(4, "magic number").SequenceEqual("GGUF"u8))
        {
            _at = 0;
            Fail("this is no GGUF file, its magic number", "47475546 (GGUF)", Convert.ToHexString(_bytes.Span[..4]));
        }

        var version = BinaryPrimitives.ReadUInt32LittleEndian(Take(4, "version"));
        if (BinaryPrimitives.ReverseEndianness(version) is 1 or 2 or 3)
            Fail("byte order", "little-endian", "a big-endian file; convert it to little-endian");
        if (version is not (2 or 3))
            Fail("version", "2 or 3", version == 1 ? "version 1, which newer tools have dropped; convert the file anew" : version.ToString());
        return (int)version;
    }

    private GgufMetadata ReadMetadata(int count)
    {
        var values = new OrderedDictionary<string, GgufValue>(count, StringComparer.Ordinal);
        var keyBytes = 0;
        for (var i = 0; i < count; i++)
        {
            var start = _at + sizeof(ulong);
            var key = ReadName("metadata key", GgufLimits.KeyBytes);
            keyBytes += _at - start;
            if (keyBytes > GgufLimits.AllKeyBytes)
                Fail("metadata keys", $"at most {GgufLimits.AllKeyBytes} bytes in all keys together", $"{keyBytes} in the first {i + 1}");
            var type = ReadValueType(key);
            start = _at;
            SkipValue(type, key, depth: 0);
            if (!values.TryAdd(key, new GgufValue(type, _bytes[start.._at])))
                Fail("metadata key", "each key once", $"'{key}' again");
        }

        return new GgufMetadata(_mapping.Path, values);
    }

    private readonly int ReadAlignment(GgufMetadata metadata)
    {
        if (!metadata.TryGet(AlignmentKey, out var value))
            return DefaultAlignment;
        if (value.Type != GgufValueType.UInt32 || !value.TryGetInteger(0, out var alignment))
            alignment = 0;
        if (!BitOperations.IsPow2(alignment) || alignment > GgufLimits.Alignment)
            Fail(AlignmentKey, $"a power of two, at most {GgufLimits.Alignment}, of type UInt32", $"{value} of type {value.Type}");
        return (int)alignment;
    }

    private TableEntry ReadTableEntry()
    {
        var name = ReadName("tensor name", GgufLimits.TensorNameBytes);
        var rank = BinaryPrimitives.ReadUInt32LittleEndian(Take(4, "dimension count"));
        if (rank is < 1 or > GgufLimits.Dimensions)
            Fail($"dimensions of tensor '{name}'", $"1 to {GgufLimits.Dimensions}", rank.ToString());

        var dimensions = new long[rank];
        var elements = 1L;
        for (var i = 0; i < dimensions.Length; i++)
        {
            var size = BinaryPrimitives.ReadInt64LittleEndian(Take(8, "dimension"));
            if (size < 0 || Math.BigMul(elements, size) is var product && product > long.MaxValue)
                Fail($"size of tensor '{name}'", "sizes whose product is below 2^63", $"{(ulong)size} as size {i}");
            dimensions[i] = size;
            elements *= size;
        }

        var type = (GgmlType)BinaryPrimitives.ReadUInt32LittleEndian(Take(4, "tensor type"));
        if (!GgmlLayout.TryGet(type, out var blockLength, out var blockBytes))
            Fail($"type of tensor '{name}'", "an id that GGUF defines", $"{(uint)type}");
        if (dimensions[0] % blockLength != 0)
            Fail($"row length of tensor '{name}'", $"a multiple of the {blockLength} in a block of {type}", dimensions[0].ToString());
        var blocks = elements / blockLength;
        if (blocks > long.MaxValue / blockBytes)
            Fail($"size of tensor '{name}'", "fewer than 2^63 bytes", $"{blocks} blocks of {blockBytes} bytes");

        var offset = BinaryPrimitives.ReadUInt64LittleEndian(Take(8, "tensor offset"));
        return new TableEntry(name, type, ImmutableCollectionsMarshal.AsImmutableArray(dimensions), elements, blocks * blockBytes, offset);
    }

    /// <summary>Walks over a value and so checks that all of it is there.</summary>
    private void SkipValue(GgufValueType type, string key, int depth)
    {
        if (type == GgufValueType.String)
        {
            ReadString("value", int.MaxValue, key);
            return;
        }

        if (type != GgufValueType.Array)
        {
            Take(GgufValue.SizeOf(type), "value", key);
            return;
        }

        if (depth == GgufLimits.ArrayDepth)
            Fail("value", $"arrays at most {GgufLimits.ArrayDepth} deep", "one more", key);
        var elementType = ReadValueType(key);
        var elementBytes = GgufValue.SizeOf(elementType);
        var minimumBytes = elementType switch { GgufValueType.String => 8, GgufValueType.Array => GgufValue.ArrayHeaderBytes, _ => elementBytes };
        var count = ReadCount("element count", int.MaxValue, minimumBytes, key);
        if (elementBytes > 0)
        {
            Take(count * elementBytes, "value", key);
            return;
        }

        for (var i = 0; i < count; i++)
            SkipValue(elementType, key, depth + 1);
    }

    private GgufValueType ReadValueType(string key)
    {
        var type = BinaryPrimitives.ReadUInt32LittleEndian(Take(4, "value type", key));
        if (type > (uint)GgufValueType.Float64)
            Fail("value type", "0 to 12", type.ToString(), key);
        return (GgufValueType)type;
    }

    private string ReadName(string what, int maximumBytes)
    {
        var bytes = ReadString(what, maximumBytes);
        if (bytes.Length == 0)
            Fail(what, "a name", "nothing");
        try
        {
            return StrictUtf8.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            Fail(what, "UTF-8", Convert.ToHexString(bytes[..Math.Min(bytes.Length, 32)]));
            throw;
        }
    }

    private ReadOnlySpan<byte> ReadString(string what, int maximumBytes, string? of = null)
    {
        var length = BinaryPrimitives.ReadUInt64LittleEndian(Take(8, what, of));
        if (length > (ulong)maximumBytes)
            Fail(what, $"at most {maximumBytes} bytes", length.ToString(), of);
        return Take((int)length, what, of);
    }

    /// <summary>A count of things that each need at least <paramref name="minimumBytes"/> of what remains of the file.</summary>
    private int ReadCount(string what, int maximum, int minimumBytes, string? of = null)
    {
        var count = BinaryPrimitives.ReadUInt64LittleEndian(Take(8, what, of));
        var possible = Math.Min(maximum, Remaining / minimumBytes);
        if (count > (ulong)possible)
            Fail(what, $"at most {possible}", count.ToString(), of);
        return (int)count;
    }

    private ReadOnlySpan<byte> Take(int count, string what, string? of = null)
    {
        if (count > Remaining)
            Fail(what, $"{count} bytes", $"{Remaining} to the end of the {(_bytes.Length < _mapping.Length ? "first 2 GB, where the header must be" : "file")}", of);
        _at += count;
        return _bytes.Span.Slice(_at - count, count);
    }

    private static long Align(long offset, int alignment) => (offset + alignment - 1) & -alignment;

    [DoesNotReturn]
    private readonly void Fail(string what, string expected, string found, string? of = null) =>
        throw new ModelFormatException($"{_mapping.Path}: {what}{(of is null ? "" : $" of '{of}'")} (before byte {_at}): expected {expected}, found {found}.");

    private readonly record struct TableEntry(string Name, GgmlType Type, ImmutableArray<long> Dimensions, long Elements, long Bytes, ulong Offset);
}
