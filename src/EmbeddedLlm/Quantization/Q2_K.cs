using System.Runtime.InteropServices;

namespace EmbeddedLlm.Quantization;

/// <summary>256 numbers in 2 bits; 16 groups of 16, each with a scale and a minimum of 4 bits: <c>value = d · scale · q − dmin · min</c>.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct Q2_K : IBlockFormat<Q2_K>
{
    private Bytes16 _scales;    // of group g: scale in the low nibble, minimum in the high one
    private Bytes64 _qs;        // byte 32h + i: values 128h + i + {0, 32, 64, 96}, two bits each, lowest first
    private Half _d;
    private Half _dmin;

    public static GgmlType Type => GgmlType.Q2_K;
    public static int Length => 256;
    public static int Bits => 2;
    public static int GroupLength => 16;

    public static void Quantize(ReadOnlySpan<float> values, out Q2_K block) => Quantize(values, [], out block);

    public static void Quantize(ReadOnlySpan<float> values, ReadOnlySpan<float> importance, out Q2_K block)
    {
        var groups = new Groups { Quants = stackalloc byte[256], GroupScales = stackalloc sbyte[16], GroupMins = stackalloc byte[16] };
        AffineSearch.Run(values, importance, groupLength: 16, maxQuant: 3, maxScale: 15, ref groups);
        block = default;
        block._d = (Half)groups.Scale;
        block._dmin = (Half)groups.MinScale;
        for (var g = 0; g < 16; g++)
            block._scales[g] = (byte)((byte)groups.GroupScales[g] | groups.GroupMins[g] << 4);
        for (var i = 0; i < 64; i++)
        {
            var q = groups.Quants[(i / 32 * 128 + i % 32)..];
            block._qs[i] = (byte)(q[0] | q[32] << 2 | q[64] << 4 | q[96] << 6);
        }
    }

    public static void Unpack(in Q2_K block, ref Groups groups)
    {
        groups.Scale = (float)block._d;
        groups.MinScale = (float)block._dmin;
        for (var g = 0; g < 16; g++)
        {
            groups.GroupScales[g] = (sbyte)(block._scales[g] & 15);
            groups.GroupMins[g] = (byte)(block._scales[g] >> 4);
        }

        for (var part = 0; part < 8; part++)
            PackedBits.Read(((ReadOnlySpan<byte>)block._qs).Slice(part / 4 * 32, 32), part % 4 * 2, 2, groups.Quants[(32 * part)..]);
    }
}
