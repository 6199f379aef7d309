using System.Runtime.InteropServices;

namespace EmbeddedLlm.Quantization;

/// <summary>256 numbers in 6 bits; 16 groups of 16, each with a signed scale of 8 bits: <c>value = d · scale · (q − 32)</c>.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct Q6_K : IBlockFormat<Q6_K>
{
    private Bytes128 _ql;       // lower four bits; byte 64h + i: values 128h + i in the low nibble, 128h + 64 + i in the high one
    private Bytes64 _qh;        // upper two bits; byte 32h + i: values 128h + i + {0, 32, 64, 96}, lowest first
    private Bytes16 _scales;    // signed
    private Half _d;

    public static GgmlType Type => GgmlType.Q6_K;
    public static int Length => 256;
    public static int Bits => 6;
    public static int GroupLength => 16;
    public static int QuantOffset => 32;

    public static void Quantize(ReadOnlySpan<float> values, out Q6_K block) => Quantize(values, [], out block);

    public static void Quantize(ReadOnlySpan<float> values, ReadOnlySpan<float> importance, out Q6_K block)
    {
        var groups = new Groups { Quants = stackalloc byte[256], GroupScales = stackalloc sbyte[16], GroupMins = stackalloc byte[16] };
        SymmetricSearch.Run(values, importance, groupLength: 16, levels: 32, minScale: -128, ref groups);
        block = default;
        block._d = (Half)groups.Scale;
        for (var g = 0; g < 16; g++)
            block._scales[g] = (byte)groups.GroupScales[g];
        for (var i = 0; i < 128; i++)
        {
            var q = groups.Quants[(i / 64 * 128 + i % 64)..];
            block._ql[i] = (byte)(q[0] & 15 | q[64] << 4);
        }

        for (var i = 0; i < 64; i++)
        {
            var q = groups.Quants[(i / 32 * 128 + i % 32)..];
            block._qh[i] = (byte)(q[0] >> 4 | q[32] >> 4 << 2 | q[64] >> 4 << 4 | q[96] >> 4 << 6);
        }
    }

    public static void Unpack(in Q6_K block, ref Groups groups)
    {
        groups.Scale = (float)block._d;
        groups.MinScale = 0;
        groups.GroupMins[..16].Clear();
        for (var g = 0; g < 16; g++)
            groups.GroupScales[g] = (sbyte)block._scales[g];
        for (var part = 0; part < 8; part++)
        {
            var (half, quarter) = (part / 4, part % 4);
            var values = groups.Quants[(32 * part)..];
            PackedBits.Read(((ReadOnlySpan<byte>)block._ql).Slice(64 * half + 32 * (quarter % 2), 32), quarter / 2 * 4, 4, values);
            PackedBits.Join(((ReadOnlySpan<byte>)block._qh).Slice(32 * half, 32), 2 * quarter, 2, values, place: 4);
        }
    }
}
