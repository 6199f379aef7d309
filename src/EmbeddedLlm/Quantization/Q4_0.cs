using System.Runtime.InteropServices;

namespace EmbeddedLlm.Quantization;

/// <summary>32 numbers in 4 bits and one scale: <c>value = d · (q − 8)</c>.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct Q4_0 : IBlockFormat<Q4_0>
{
    private Half _d;
    private Bytes16 _qs;    // byte i: value i in the low nibble, value i + 16 in the high one

    public static GgmlType Type => GgmlType.Q4_0;
    public static int Length => 32;
    public static int Bits => 4;
    public static int GroupLength => 32;
    public static int QuantOffset => 8;

    /// <summary>The value farthest from zero becomes −8, the level that has no mirror image.</summary>
    public static void Quantize(ReadOnlySpan<float> values, out Q4_0 block)
    {
        var d = Extremes.Farthest(values) / -8;
        var inverse = Extremes.Inverse(d);
        Span<byte> quants = stackalloc byte[32];
        for (var i = 0; i < 32; i++)
            quants[i] = (byte)Math.Min(15, (int)(values[i] * inverse + 8.5f));
        block = Pack((Half)d, quants);
    }

    public static void Quantize(ReadOnlySpan<float> values, ReadOnlySpan<float> importance, out Q4_0 block)
    {
        Span<byte> quants = stackalloc byte[32];
        block = Pack(SymmetricSearch.RunOne(values, importance, levels: 8, quants), quants);
    }

    public static void Unpack(in Q4_0 block, ref Groups groups)
    {
        groups.Scale = (float)block._d;
        groups.MinScale = 0;
        groups.GroupScales[0] = 1;
        groups.GroupMins[0] = 0;
        PackedBits.Read(block._qs, 0, 4, groups.Quants[..16]);
        PackedBits.Read(block._qs, 4, 4, groups.Quants[16..]);
    }

    private static Q4_0 Pack(Half d, ReadOnlySpan<byte> quants)
    {
        var block = new Q4_0 { _d = d };
        for (var i = 0; i < 16; i++)
            block._qs[i] = (byte)(quants[i] | quants[i + 16] << 4);
        return block;
    }
}
