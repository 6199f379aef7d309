using System.Runtime.InteropServices;

namespace EmbeddedLlm.Quantization;

/// <summary>One 32-bit float.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct F32 : IBlockFormat<F32>
{
    private float _value;

    public static GgmlType Type => GgmlType.F32;
    public static int Length => 1;
    public static int Bits => 32;

    public static void Quantize(ReadOnlySpan<float> values, out F32 block) => block._value = values[0];

    public static void Dequantize(in F32 block, Span<float> values) => values[0] = block._value;

    public static void Dequantize(ReadOnlySpan<F32> blocks, Span<float> values) => MemoryMarshal.Cast<F32, float>(blocks).CopyTo(values);
}
