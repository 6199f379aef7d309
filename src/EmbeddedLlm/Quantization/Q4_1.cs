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
        block = default;
        var (min, max) = Extremes.Range(values);
        var d = (max - min) / 15;
        var inverse = Extremes.Inverse(d);
        block._d = (Half)d;
        block._m = (Half)min;
        for (var i = 0; i < 16; i++)
        {
            var low = Math.Min(15, (int)((values[i] - min) * inverse + 0.5f));
            var high = Math.Min(15, (int)((values[i + 16] - min) * inverse + 0.5f));
            block._qs[i] = (byte)(low | high << 4);
        }
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
}
