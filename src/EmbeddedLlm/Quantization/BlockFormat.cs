using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace EmbeddedLlm.Quantization;

/// <summary>The run-time face of a weight format: what <see cref="IBlockFormat{TSelf}"/> says, over rows of bytes.</summary>
public abstract class BlockFormat
{
    private protected BlockFormat()
    {
    }

    /// <summary>The GGUF id of the format.</summary>
    public abstract GgmlType Type { get; }

    /// <summary>GGUF's name of the format, such as <c>Q4_K</c>.</summary>
    public string Name => Type.ToString();

    /// <summary>Numbers in a block.</summary>
    public abstract int Length { get; }

    /// <summary>Bytes of a block.</summary>
    public abstract int BlockBytes { get; }

    /// <summary>Bits of one stored quant; 16 or 32 for float formats.</summary>
    public abstract int Bits { get; }

    /// <summary>Numbers that share one integer scale and minimum; 0 for float formats.</summary>
    public abstract int GroupLength { get; }

    /// <summary>What is subtracted from an unsigned quant before scaling.</summary>
    public abstract int QuantOffset { get; }

    /// <summary>What the quants stand for in place of themselves, before <see cref="QuantOffset"/> is subtracted; empty where values are an affine function of the quants.</summary>
    public abstract ReadOnlySpan<byte> Levels { get; }

    /// <summary>The smallest float format that holds <see cref="Groups.Scale"/> and <see cref="Groups.MinScale"/> exactly.</summary>
    public abstract GgmlType ScaleType { get; }

    /// <summary>Whether the format stores floats rather than scaled integers.</summary>
    public bool IsFloat => GroupLength == 0;

    /// <summary>Makes the run-time face of <typeparamref name="T"/>.</summary>
    public static BlockFormat Of<T>() where T : unmanaged, IBlockFormat<T> => new Typed<T>();

    /// <summary>Bytes of a row of <paramref name="length"/> numbers.</summary>
    /// <exception cref="ArgumentException">The length is negative or no multiple of <see cref="Length"/>.</exception>
    public long RowBytes(long length)
    {
        if (length < 0 || length % Length != 0)
            throw new ArgumentException($"A row of {length} numbers is no multiple of the {Length} in a block of {Name}.", nameof(length));
        return checked(length / Length * BlockBytes);
    }

    /// <summary>Rounds <paramref name="values"/> (whole blocks) into <paramref name="blocks"/>.</summary>
    public void Quantize(ReadOnlySpan<float> values, Span<byte> blocks) => Quantize(values, [], blocks);

    /// <summary>Rounds <paramref name="values"/> (whole blocks) into <paramref name="blocks"/> where errors do not count alike.</summary>
    /// <param name="values">The numbers.</param>
    /// <param name="importance">How much the squared error of each number counts, positive; or empty, where all count alike.</param>
    /// <param name="blocks">The result.</param>
    public abstract void Quantize(ReadOnlySpan<float> values, ReadOnlySpan<float> importance, Span<byte> blocks);

    /// <summary>Writes the numbers of <paramref name="blocks"/> (whole blocks) to <paramref name="values"/>.</summary>
    public abstract void Dequantize(ReadOnlySpan<byte> blocks, Span<float> values);

    /// <summary>Writes the first block of <paramref name="block"/> in its common form.</summary>
    /// <exception cref="NotSupportedException">The format stores floats.</exception>
    public abstract void Unpack(ReadOnlySpan<byte> block, ref Groups groups);

    /// <inheritdoc/>
    public override string ToString() => Name;

    private sealed class Typed<T> : BlockFormat where T : unmanaged, IBlockFormat<T>
    {
        public override GgmlType Type => T.Type;
        public override int Length => T.Length;
        public override int BlockBytes => Unsafe.SizeOf<T>();
        public override int Bits => T.Bits;
        public override int GroupLength => T.GroupLength;
        public override int QuantOffset => T.QuantOffset;
        public override ReadOnlySpan<byte> Levels => T.Levels;
        public override GgmlType ScaleType => T.ScaleType;

        public override void Quantize(ReadOnlySpan<float> values, ReadOnlySpan<float> importance, Span<byte> blocks)
        {
            var typed = MemoryMarshal.Cast<byte, T>(blocks);
            for (var (i, start) = (0, 0); start < values.Length; i++, start += T.Length)
            {
                if (importance.IsEmpty)
                    T.Quantize(values.Slice(start, T.Length), out typed[i]);
                else
                    T.Quantize(values.Slice(start, T.Length), importance.Slice(start, T.Length), out typed[i]);
            }
        }

        public override void Dequantize(ReadOnlySpan<byte> blocks, Span<float> values) => T.Dequantize(MemoryMarshal.Cast<byte, T>(blocks), values);

        public override void Unpack(ReadOnlySpan<byte> block, ref Groups groups) => T.Unpack(MemoryMarshal.AsRef<T>(block), ref groups);
    }
}
