using System.Runtime.InteropServices;

namespace EmbeddedLlm.Quantization;

/// <summary>32 numbers in 4 bits, a scale and a minimum: <c>value = d · q + m</c>.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct Q4_1 : IBlockFormat<Q4_1>
{
    private Half _d;
    private Half _m;
    private Bytes16 _qs;    // as in Q4_0

    public static GgmlType Type => GgmlType.Q4_1;
    public static int Length => 32;
    public static int Bits => 4;
    public static int GroupLength => 32;

    public static void Quantize(ReadOnlySpan<float> values, out Q4_1 block)
    {
        Span<byte> quants = stackalloc byte[32];
        var (scale, min) = Extremes.Quantize(values, maxQuant: 15, quants);
        block = Pack((Half)scale, (Half)min, quants);
    }

    public static void Quantize(ReadOnlySpan<float> values, ReadOnlySpan<float> importance, out Q4_1 block)
    {
        Span<byte> quants = stackalloc byte[32];
        var (scale, min) = AffineSearch.RunOne(values, importance, maxQuant: 15, quants);
        block = Pack(scale, -min, quants);
    }

    public static void Unpack(in Q4_1 block, ref Groups groups)
    {
        groups.Scale = (float)block._d;
        groups.MinScale = -(float)block._m;
        groups.GroupScales[0] = 1;
        groups.GroupMins[0] = 1;
        PackedBits.Read(block._qs, 0, 4, groups.Quants[..16]);
        PackedBits.Read(block._qs, 4, 4, groups.Quants[16..]);
    }

    private static Q4_1 Pack(Half d, Half m, ReadOnlySpan<byte> quants)
    {
        var block = new Q4_1 { _d = d, _m = m };
        for (var i = 0; i < 16; i++)
            block._qs[i] = (byte)(quants[i] | quants[i + 16] << 4);
        return block;
    }
}
