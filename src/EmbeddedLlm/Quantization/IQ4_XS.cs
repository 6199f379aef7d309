using System.Runtime.InteropServices;

namespace EmbeddedLlm.Quantization;

/// <summary>256 numbers in 4 bits; 8 groups of 32, each with a signed scale of 6 bits: <c>value = d · scale · level(q)</c>, with the levels of IQ4_NL.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct IQ4_XS : IBlockFormat<IQ4_XS>
{
    private static readonly CodebookSearch Search = new(new TableCodebook(Levels, QuantOffset), groupLength: 32, new ScaleSet(-32, 31, 1));

    private Half _d;
    private ushort _scalesHigh;     // scale + 32: upper two bits of group g at bit 2g
    private Bytes4 _scalesLow;      // lower four bits of groups 2i and 2i + 1 in byte i
    private Bytes128 _qs;           // byte 16g + i: value 32g + i in the low nibble, value 32g + 16 + i in the high one

    public static GgmlType Type => GgmlType.IQ4_XS;
    public static int Length => 256;
    public static int Bits => 4;
    public static int GroupLength => 32;
    public static int QuantOffset => IQ4_NL.QuantOffset;
    public static ReadOnlySpan<byte> Levels => IQ4_NL.Levels;

    public static void Quantize(ReadOnlySpan<float> values, out IQ4_XS block) => Quantize(values, [], out block);

    public static void Quantize(ReadOnlySpan<float> values, ReadOnlySpan<float> importance, out IQ4_XS block)
    {
        block = default;
        Span<int> scales = stackalloc int[8];
        Span<int> codes = stackalloc int[256];
        block._d = Search.Run(values, importance, scales, codes);
        for (var g = 0; g < 8; g++)
        {
            var scale = scales[g] + 32;
            block._scalesHigh |= (ushort)(scale >> 4 << 2 * g);
            block._scalesLow[g / 2] |= (byte)((scale & 15) << g % 2 * 4);
        }

        for (var i = 0; i < 128; i++)
        {
            var q = codes[(i / 16 * 32 + i % 16)..];
            block._qs[i] = (byte)(q[0] | q[16] << 4);
        }
    }

    public static void Unpack(in IQ4_XS block, ref Groups groups)
    {
        groups.Scale = (float)block._d;
        groups.MinScale = 0;
        groups.GroupMins[..8].Clear();
        for (var g = 0; g < 8; g++)
        {
            groups.GroupScales[g] = (sbyte)((block._scalesLow[g / 2] >> g % 2 * 4 & 15 | (block._scalesHigh >> 2 * g & 3) << 4) - 32);
            var bytes = ((ReadOnlySpan<byte>)block._qs).Slice(16 * g, 16);
            PackedBits.Read(bytes, 0, 4, groups.Quants[(32 * g)..]);
            PackedBits.Read(bytes, 4, 4, groups.Quants[(32 * g + 16)..]);
        }
    }
}
