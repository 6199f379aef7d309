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
        block = default;
        var d = Extremes.Farthest(values) / -8;
        var inverse = Extremes.Inverse(d);
        block._d = (Half)d;
        for (var i = 0; i < 16; i++)
        {
            var low = Math.Min(15, (int)(values[i] * inverse + 8.5f));
            var high = Math.Min(15, (int)(values[i + 16] * inverse + 8.5f));
            block._qs[i] = (byte)(low | high << 4);
        }
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
}
