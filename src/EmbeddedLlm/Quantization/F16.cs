using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace EmbeddedLlm.Quantization;

/// <summary>One 16-bit IEEE float.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct F16 : IBlockFormat<F16>
{
    private Half _value;

    public static GgmlType Type => GgmlType.F16;
    public static int Length => 1;
    public static int Bits => 16;

    public static void Quantize(ReadOnlySpan<float> values, out F16 block) => block._value = (Half)values[0];

    public static void Dequantize(in F16 block, Span<float> values) => values[0] = (float)block._value;

    public static void Dequantize(ReadOnlySpan<F16> blocks, Span<float> values) =>
        TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<F16, Half>(blocks), values);
}
