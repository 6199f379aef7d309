using System.Runtime.InteropServices;

namespace EmbeddedLlm.Quantization;

/// <summary>
/// 256 numbers, each eight a vector of a grid of 1024 and eight signs; 16 groups of 16, each with a scale of 4 bits:
/// <c>value = d / 8 · (2 · scale + 1) · ±{8, 25, 43}</c>.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct IQ2_S : IBlockFormat<IQ2_S>
{
    private static readonly CodebookSearch Search = new(new SignedGridCodebook(Grids.Three1024, hasEvenSigns: false, 8, 25, 43), groupLength: 16, new ScaleSet(1, 31, 2), unit: 1f / 8);

    private Half _d;
    private Bytes32 _qs;        // lower eight bits of each vector's number
    private Bytes32 _signs;     // of each vector
    private Bytes8 _qh;         // upper two bits of the numbers of vectors 4i … 4i + 3 in byte i, lowest first
    private Bytes8 _scales;     // of groups 2i and 2i + 1 in byte i, the first in the low nibble

    public static GgmlType Type => GgmlType.IQ2_S;
    public static int Length => 256;
    public static int Bits => 4;
    public static int GroupLength => 16;
    public static int QuantOffset => IQ2_XXS.QuantOffset;
    public static ReadOnlySpan<byte> Levels => IQ2_XXS.Levels;

    /// <summary>A part of a half.</summary>
    public static GgmlType ScaleType => GgmlType.F32;

    public static void Quantize(ReadOnlySpan<float> values, out IQ2_S block) => Quantize(values, [], out block);

    public static void Quantize(ReadOnlySpan<float> values, ReadOnlySpan<float> importance, out IQ2_S block)
    {
        block = default;
        Span<int> scales = stackalloc int[16];
        Span<int> codes = stackalloc int[32];
        block._d = Search.Run(values, importance, scales, codes);
        for (var g = 0; g < 16; g++)
            block._scales[g / 2] |= (byte)(scales[g] / 2 << g % 2 * 4);
        for (var i = 0; i < 32; i++)
        {
            block._qs[i] = (byte)codes[i];
            block._signs[i] = (byte)(codes[i] >>> 24);
            block._qh[i / 4] |= (byte)((codes[i] >> 8 & 3) << i % 4 * 2);
        }
    }

    public static void Unpack(in IQ2_S block, ref Groups groups)
    {
        groups.Scale = (float)block._d / 8;
        groups.MinScale = 0;
        groups.GroupMins[..16].Clear();
        for (var g = 0; g < 16; g++)
            groups.GroupScales[g] = (sbyte)(2 * (block._scales[g / 2] >> g % 2 * 4 & 15) + 1);
        for (var i = 0; i < 32; i++)
            Grids.Three1024.Read(block._qs[i] | (block._qh[i / 4] >> i % 4 * 2 & 3) << 8, block._signs[i], groups.Quants[(8 * i)..]);
    }
}
