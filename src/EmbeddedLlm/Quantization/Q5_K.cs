using System.Runtime.InteropServices;

namespace EmbeddedLlm.Quantization;

/// <summary>256 numbers in 5 bits; 8 groups of 32, each with a scale and a minimum of 6 bits: <c>value = d · scale · q − dmin · min</c>.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct Q5_K : IBlockFormat<Q5_K>
{
    private Half _d;
    private Half _dmin;
    private SixBitPairs _scales;
    private Bytes32 _qh;        // bit g of byte i: the fifth bit of value 32g + i
    private Bytes128 _qs;       // the lower four bits, as in Q4_K

    public static GgmlType Type => GgmlType.Q5_K;
    public static int Length => 256;
    public static int Bits => 5;
    public static int GroupLength => 32;

    public static void Quantize(ReadOnlySpan<float> values, out Q5_K block) => Quantize(values, [], out block);

    public static void Quantize(ReadOnlySpan<float> values, ReadOnlySpan<float> importance, out Q5_K block)
    {
        var groups = new Groups { Quants = stackalloc byte[256], GroupScales = stackalloc sbyte[8], GroupMins = stackalloc byte[8] };
        AffineSearch.Run(values, importance, groupLength: 32, maxQuant: 31, maxScale: 63, ref groups);
        block = default;
        block._d = (Half)groups.Scale;
        block._dmin = (Half)groups.MinScale;
        block._scales = SixBitPairs.Pack(groups.GroupScales, groups.GroupMins);
        for (var i = 0; i < 128; i++)
        {
            var q = groups.Quants[(i / 32 * 64 + i % 32)..];
            block._qs[i] = (byte)(q[0] & 15 | q[32] << 4);
        }

        for (var i = 0; i < 256; i++)
            block._qh[i % 32] |= (byte)(groups.Quants[i] >> 4 << i / 32);
    }

    public static void Unpack(in Q5_K block, ref Groups groups)
    {
        groups.Scale = (float)block._d;
        groups.MinScale = (float)block._dmin;
        block._scales.Unpack(groups.GroupScales, groups.GroupMins);
        for (var group = 0; group < 8; group++)
        {
            var values = groups.Quants[(32 * group)..];
            PackedBits.Read(((ReadOnlySpan<byte>)block._qs).Slice(group / 2 * 32, 32), group % 2 * 4, 4, values);
            PackedBits.Join(block._qh, group, 1, values, place: 4);
        }
    }
}
