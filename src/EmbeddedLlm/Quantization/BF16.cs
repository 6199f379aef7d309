using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace EmbeddedLlm.Quantization;

/// <summary>One 16-bit brain float: the upper half of a 32-bit float.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct BF16 : IBlockFormat<BF16>
{
    private ushort _upper;

    public static GgmlType Type => GgmlType.BF16;
    public static int Length => 1;
    public static int Bits => 16;

    /// <summary>Rounds to nearest, ties to even. A NaN stays one: a bit is set that the cut does not lose.</summary>
    public static void Quantize(ReadOnlySpan<float> values, out BF16 block)
    {
        var bits = BitConverter.SingleToUInt32Bits(values[0]);
        block._upper = float.IsNaN(values[0])
            ? (ushort)((bits >> 16) | 0x40)
            : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    public static void Dequantize(in BF16 block, Span<float> values) => values[0] = BitConverter.UInt32BitsToSingle((uint)block._upper << 16);

    public static void Dequantize(ReadOnlySpan<BF16> blocks, Span<float> values)
    {
        var bits = MemoryMarshal.Cast<float, uint>(values)[..blocks.Length];
        TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<BF16, ushort>(blocks), bits);
        TensorPrimitives.ShiftLeft(bits, 16, bits);
    }
}
