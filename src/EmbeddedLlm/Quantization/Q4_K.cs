using System.Runtime.InteropServices;

namespace EmbeddedLlm.Quantization;

/// <summary>256 numbers in 4 bits; 8 groups of 32, each with a scale and a minimum of 6 bits: <c>value = d · scale · q − dmin · min</c>.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct Q4_K : IBlockFormat<Q4_K>
{
    private Half _d;
    private Half _dmin;
    private SixBitPairs _scales;
    private Bytes128 _qs;       // byte 32p + i: values 64p + i in the low nibble, 64p + 32 + i in the high one

    public static GgmlType Type => GgmlType.Q4_K;
    public static int Length => 256;
    public static int Bits => 4;
    public static int GroupLength => 32;

    public static void Quantize(ReadOnlySpan<float> values, out Q4_K block) => Quantize(values, [], out block);

    public static void Quantize(ReadOnlySpan<float> values, ReadOnlySpan<float> importance, out Q4_K block)
    {
        var groups = new Groups { Quants = stackalloc byte[256], GroupScales = stackalloc sbyte[8], GroupMins = stackalloc byte[8] };
        AffineSearch.Run(values, importance, groupLength: 32, maxQuant: 15, maxScale: 63, ref groups);
        block = default;
        block._d = (Half)groups.Scale;
        block._dmin = (Half)groups.MinScale;
        block._scales = SixBitPairs.Pack(groups.GroupScales, groups.GroupMins);
        for (var i = 0; i < 128; i++)
        {
            var q = groups.Quants[(i / 32 * 64 + i % 32)..];
            block._qs[i] = (byte)(q[0] | q[32] << 4);
        }
    }

    public static void Unpack(in Q4_K block, ref Groups groups)
    {
        groups.Scale = (float)block._d;
        groups.MinScale = (float)block._dmin;
        block._scales.Unpack(groups.GroupScales, groups.GroupMins);
        for (var pair = 0; pair < 4; pair++)
        {
            var bytes = ((ReadOnlySpan<byte>)block._qs).Slice(32 * pair, 32);
            PackedBits.Read(bytes, 0, 4, groups.Quants[(64 * pair)..]);
            PackedBits.Read(bytes, 4, 4, groups.Quants[(64 * pair + 32)..]);
        }
    }
}
