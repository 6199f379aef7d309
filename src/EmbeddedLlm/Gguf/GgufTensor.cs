using System.Collections.Immutable;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Gguf;

/// <summary>A tensor of an open model: what the table says about it, and its bytes where they stand.</summary>
public sealed class GgufTensor
{
    private readonly ITensorBytes _source;
    private readonly long _start;

    internal GgufTensor(string name, GgmlType type, ImmutableArray<long> dimensions, long elementCount, long bytes, ITensorBytes source, long start)
    {
        Name = name;
        Type = type;
        Dimensions = dimensions;
        ElementCount = elementCount;
        Bytes = bytes;
        _source = source;
        _start = start;
    }

    /// <summary>The name in the file, such as <c>blk.0.attn_q.weight</c>.</summary>
    public string Name { get; }

    /// <summary>The number format.</summary>
    public GgmlType Type { get; }

    /// <summary>One to four sizes in GGUF's order: [0] is the length of a row, numbers of a row stand together. A size may be 0.</summary>
    public ImmutableArray<long> Dimensions { get; }

    /// <summary>Numbers in the tensor.</summary>
    public long ElementCount { get; }

    /// <summary>Bytes of the tensor, without padding.</summary>
    public long Bytes { get; }

    /// <summary>
    /// A part of the tensor's bytes, without a copy. The span points into the mapped file:
    /// it must not be used after the <see cref="GgufFile"/> is disposed.
    /// </summary>
    /// <param name="offset">First byte, counted from the beginning of the tensor.</param>
    /// <param name="length">Bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">The part is not inside the tensor.</exception>
    /// <exception cref="ModelFormatException">The file is a header without tensor data.</exception>
    /// <exception cref="ObjectDisposedException">The file is disposed.</exception>
    public ReadOnlySpan<byte> Slice(long offset, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Bytes - length);
        ThrowIfWithoutData();
        return _source.Slice(_start + offset, length);
    }

    /// <summary>For who reads much later, or where exceptions are wrapped.</summary>
    /// <exception cref="ModelFormatException">The file is a header without tensor data.</exception>
    internal void ThrowIfWithoutData()
    {
        if (_start + Bytes > _source.Length)
            throw new ModelFormatException($"{_source.Path}: the file ends where its tensor data should begin; expected {Bytes} bytes of tensor '{Name}' at byte {_start}, found none.");
    }

    /// <summary>Says that these bytes will not be read soon: the memory they are mapped to may go, and comes back from the file when they are read again.</summary>
    internal void GiveBack(long offset, long length) => _source.GiveBack(_start + offset, length);

    /// <summary>Writes all bytes of the tensor to a stream, a part at a time.</summary>
    internal void CopyTo(Stream stream, CancellationToken cancellationToken)
    {
        const int part = 1 << 20;
        for (var offset = 0L; offset < Bytes; offset += part)
        {
            cancellationToken.ThrowIfCancellationRequested();
            stream.Write(Slice(offset, (int)Math.Min(part, Bytes - offset)));
        }
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {Type} [{string.Join(", ", Dimensions)}]";
}
