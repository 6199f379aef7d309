using System.Runtime.CompilerServices;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Tests.Cpu;

/// <summary>A format that someone has added without a panel.</summary>
internal struct ForeignFormat : IBlockFormat<ForeignFormat>
{
    private Quants _quants;

    public static GgmlType Type => GgmlType.NVFP4;
    public static int Length => 32;
    public static int Bits => 7;
    public static int GroupLength => 32;
    public static int QuantOffset => 64;

    public static void Quantize(ReadOnlySpan<float> values, out ForeignFormat block)
    {
        block = default;
        block._quants[0] = (byte)values[0];
    }

    public static void Unpack(in ForeignFormat block, ref Groups groups) => throw new NotSupportedException();

    [InlineArray(32)]
    private struct Quants
    {
        private byte _first;
    }
}
