using System.Runtime.InteropServices;

namespace EmbeddedLlm.Quantization;

/// <summary>32 numbers in 8 bits and one scale: <c>value = d · q</c>, q signed.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct Q8_0 : IBlockFormat<Q8_0>
{
    private Half _d;
    private Bytes32 _qs;    // signed

    public static GgmlType Type => GgmlType.Q8_0;
    public static int Length => 32;
    public static int Bits => 8;
    public static int GroupLength => 32;
    public static int QuantOffset => 128;

    public static void Quantize(ReadOnlySpan<float> values, out Q8_0 block)
    {
        block = default;
        var d = MathF.Abs(Extremes.Farthest(values)) / 127;
        var inverse = Extremes.Inverse(d);
        block._d = (Half)d;
        for (var i = 0; i < 32; i++)
            block._qs[i] = (byte)(sbyte)MathF.Round(values[i] * inverse, MidpointRounding.AwayFromZero);
    }

    public static void Unpack(in Q8_0 block, ref Groups groups)
    {
        groups.Scale = (float)block._d;
        groups.MinScale = 0;
        groups.GroupScales[0] = 1;
        groups.GroupMins[0] = 0;
        for (var i = 0; i < 32; i++)
            groups.Quants[i] = (byte)((sbyte)block._qs[i] + 128);
    }
}
