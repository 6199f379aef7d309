using System.Collections.Immutable;
using System.Numerics;
using System.Text;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Gguf;

/// <summary>
/// Writes a GGUF file: metadata in the order in which keys were set, tensors in the order in which they were added.
/// What was read by <see cref="GgufFile"/> and is written again has the same bytes.
/// </summary>
public sealed class GgufWriter
{
    private readonly OrderedDictionary<string, GgufValue> _metadata = new(StringComparer.Ordinal);
    private readonly OrderedDictionary<string, Entry> _tensors = new(StringComparer.Ordinal);

    /// <summary>GGUF version, 2 or 3; their bytes differ in this number only.</summary>
    public int Version { get; init; } = 3;

    /// <summary>
    /// A writer with the metadata of <paramref name="file"/>, and with its tensors unless <paramref name="withTensors"/> is false.
    /// What tells of shards is left out. The file must stay open until all is written.
    /// </summary>
    public static GgufWriter From(GgufFile file, bool withTensors = true)
    {
        var writer = new GgufWriter { Version = file.Version };
        foreach (var key in file.Metadata.Keys)
        {
            if (key is not (GgufFile.SplitNumberKey or GgufFile.SplitCountKey or GgufFile.SplitTensorsKey))
                writer.Set(key, file.Metadata[key]);
        }

        foreach (var tensor in withTensors ? file.Tensors : [])
            writer.Add(tensor);
        return writer;
    }

    /// <summary>Sets a key; one that is there already keeps its place. <c>general.alignment</c> decides how tensors are aligned (32 bytes without it).</summary>
    /// <exception cref="ArgumentException">The key is empty or longer than 65535 bytes.</exception>
    public void Set(string key, GgufValue value)
    {
        ArgumentException.ThrowIfNullOrEmpty(key);
        if (Encoding.UTF8.GetByteCount(key) > GgufLimits.KeyBytes)
            throw new ArgumentException($"A key may have {GgufLimits.KeyBytes} bytes.", nameof(key));
        _metadata[key] = value;
    }

    /// <summary>Adds a tensor of an open file, which must stay open until all is written.</summary>
    public void Add(GgufTensor tensor) => Add(tensor.Name, tensor.Type, tensor.Dimensions.AsSpan(), stream => tensor.CopyTo(stream, CancellationToken.None));

    /// <summary>Adds a tensor whose bytes <paramref name="write"/> puts into the stream when its turn comes.</summary>
    /// <param name="name">A name of at most 63 bytes that no other tensor has.</param>
    /// <param name="type">The number format.</param>
    /// <param name="dimensions">One to four sizes, the length of a row first.</param>
    /// <param name="write">Writes exactly the bytes of the tensor. Called once per writing.</param>
    /// <exception cref="ArgumentException">Name, type or sizes are not what a GGUF file can hold.</exception>
    public void Add(string name, GgmlType type, ReadOnlySpan<long> dimensions, Action<Stream> write)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (Encoding.UTF8.GetByteCount(name) > GgufLimits.TensorNameBytes)
            throw new ArgumentException($"The tensor name '{name}' has more than {GgufLimits.TensorNameBytes} bytes.", nameof(name));
        if (!GgmlLayout.TryGet(type, out var blockLength, out var blockBytes))
            throw new ArgumentException($"GGUF has no tensor type {type}.", nameof(type));
        if (dimensions.Length is < 1 or > GgufLimits.Dimensions || dimensions[0] % blockLength != 0)
            throw new ArgumentException($"Tensor '{name}' needs 1 to {GgufLimits.Dimensions} sizes, the first a multiple of the {blockLength} in a block of {type}.", nameof(dimensions));

        var elements = 1L;
        foreach (var size in dimensions)
            elements = checked(elements * size);
        if (!_tensors.TryAdd(name, new Entry(type, [.. dimensions], checked(elements / blockLength * blockBytes), write)))
            throw new ArgumentException($"There is a tensor '{name}' already.", nameof(name));
    }

    /// <summary>Writes the file beside <paramref name="path"/> and renames it when it is complete: under that name there is never half a file.</summary>
    /// <exception cref="OperationCanceledException">Cancelled; nothing remains of the new file.</exception>
    public void Save(string path, CancellationToken cancellationToken = default) => AtomicFile.Write(path, stream => Write(stream, cancellationToken));

    /// <summary>Writes the file to a stream that can tell its position.</summary>
    public void Write(Stream stream, CancellationToken cancellationToken = default)
    {
        var start = stream.Position;
        var alignment = Alignment();
        using var header = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true);
        header.Write("GGUF"u8);
        header.Write(Version);
        header.Write((long)_tensors.Count);
        header.Write((long)_metadata.Count);
        foreach (var (key, value) in _metadata)
        {
            WriteString(header, key);
            header.Write((uint)value.Type);
            header.Write(value.Raw.Span);
        }

        var offset = 0L;
        foreach (var (name, tensor) in _tensors)
        {
            WriteString(header, name);
            header.Write(tensor.Dimensions.Length);
            foreach (var size in tensor.Dimensions)
                header.Write(size);
            header.Write((uint)tensor.Type);
            header.Write(offset);
            offset += tensor.Bytes + Padding(tensor.Bytes, alignment);
        }

        // Without tensors there is no data that padding would align; vocabulary files end here.
        header.Flush();
        if (_tensors.Count > 0)
            stream.Write(new byte[Padding(stream.Position - start, alignment)]);
        foreach (var (name, tensor) in _tensors)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var first = stream.Position;
            tensor.Write(stream);
            if (stream.Position - first != tensor.Bytes)
                throw new InvalidOperationException($"Tensor '{name}' has {tensor.Bytes} bytes; {stream.Position - first} were written.");
            stream.Write(new byte[Padding(tensor.Bytes, alignment)]);
        }
    }

    private static void WriteString(BinaryWriter writer, string text)
    {
        var utf8 = Encoding.UTF8.GetBytes(text);
        writer.Write((long)utf8.Length);
        writer.Write(utf8);
    }

    private static int Padding(long bytes, int alignment) => (int)(-bytes & (alignment - 1));

    private int Alignment()
    {
        if (!_metadata.TryGetValue(GgufReader.AlignmentKey, out var value))
            return GgufReader.DefaultAlignment;
        return value.Type == GgufValueType.UInt32 && value.TryGetInteger(0, out var alignment) && BitOperations.IsPow2(alignment) && alignment <= GgufLimits.Alignment
            ? (int)alignment
            : throw new InvalidOperationException($"{GgufReader.AlignmentKey} must be a power of two of type UInt32; it is {value} of type {value.Type}.");
    }

    private sealed record Entry(GgmlType Type, ImmutableArray<long> Dimensions, long Bytes, Action<Stream> Write);
}
