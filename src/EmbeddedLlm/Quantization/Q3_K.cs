using System.Runtime.InteropServices;

namespace EmbeddedLlm.Quantization;

/// <summary>256 numbers in 3 bits; 16 groups of 16, each with a signed scale of 6 bits: <c>value = d · scale · (q − 4)</c>.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct Q3_K : IBlockFormat<Q3_K>
{
    private Bytes32 _hmask;     // bit k of byte i: the third bit of value 32k + i
    private Bytes64 _qs;        // the lower two bits, as in Q2_K
    private Bytes12 _scales;    // scale + 32: lower four bits of groups g and g + 8 in byte g (0–7), upper two bits of g, g + 4, g + 8, g + 12 in byte 8 + g (0–3)
    private Half _d;

    public static GgmlType Type => GgmlType.Q3_K;
    public static int Length => 256;
    public static int Bits => 3;
    public static int GroupLength => 16;
    public static int QuantOffset => 4;

    public static void Quantize(ReadOnlySpan<float> values, out Q3_K block) => Quantize(values, [], out block);

    public static void Quantize(ReadOnlySpan<float> values, ReadOnlySpan<float> importance, out Q3_K block)
    {
        var groups = new Groups { Quants = stackalloc byte[256], GroupScales = stackalloc sbyte[16], GroupMins = stackalloc byte[16] };
        SymmetricSearch.Run(values, importance, groupLength: 16, levels: 4, minScale: -32, ref groups);
        block = default;
        block._d = (Half)groups.Scale;
        for (var g = 0; g < 16; g++)
        {
            var scale = groups.GroupScales[g] + 32;
            block._scales[g % 8] |= (byte)((scale & 15) << g / 8 * 4);
            block._scales[8 + g % 4] |= (byte)(scale >> 4 << g / 4 * 2);
        }

        for (var i = 0; i < 64; i++)
        {
            var q = groups.Quants[(i / 32 * 128 + i % 32)..];
            block._qs[i] = (byte)(q[0] & 3 | (q[32] & 3) << 2 | (q[64] & 3) << 4 | (q[96] & 3) << 6);
        }

        for (var i = 0; i < 256; i++)
            block._hmask[i % 32] |= (byte)(groups.Quants[i] >> 2 << i / 32);
    }

    public static void Unpack(in Q3_K block, ref Groups groups)
    {
        groups.Scale = (float)block._d;
        groups.MinScale = 0;
        groups.GroupMins[..16].Clear();
        for (var g = 0; g < 16; g++)
            groups.GroupScales[g] = (sbyte)((block._scales[g % 8] >> g / 8 * 4 & 15 | (block._scales[8 + g % 4] >> g / 4 * 2 & 3) << 4) - 32);

        for (var part = 0; part < 8; part++)
        {
            var values = groups.Quants[(32 * part)..];
            PackedBits.Read(((ReadOnlySpan<byte>)block._qs).Slice(part / 4 * 32, 32), part % 4 * 2, 2, values);
            PackedBits.Join(block._hmask, part, 1, values, place: 2);
        }
    }
}
