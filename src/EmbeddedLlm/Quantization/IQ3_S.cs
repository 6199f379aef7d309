using System.Runtime.InteropServices;

namespace EmbeddedLlm.Quantization;

/// <summary>
/// 256 numbers, each four a vector of a grid of 512 and four signs; 8 groups of 32, each with a scale of 4 bits:
/// <c>value = d · (2 · scale + 1) · ±{1, 3, 5, 7, 9, 11, 13, 15}</c>.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct IQ3_S : IBlockFormat<IQ3_S>
{
    private static readonly CodebookSearch Search = new(new SignedGridCodebook(Grids.Eight512, hasEvenSigns: false, 1, 3, 5, 7, 9, 11, 13, 15), groupLength: 32, new ScaleSet(1, 31, 2));

    private Half _d;
    private Bytes64 _qs;        // lower eight bits of each vector's number
    private Bytes8 _qh;         // the ninth bit of the numbers of vectors 8i … 8i + 7 in byte i, lowest first
    private Bytes32 _signs;     // of vectors 2i and 2i + 1 in byte i
    private Bytes4 _scales;     // of groups 2i and 2i + 1 in byte i, the first in the low nibble

    public static GgmlType Type => GgmlType.IQ3_S;
    public static int Length => 256;
    public static int Bits => 4;
    public static int GroupLength => 32;
    public static int QuantOffset => 15;

    /// <summary>1, 3, 5, 7, 9, 11, 13, 15 and the same negative.</summary>
    public static ReadOnlySpan<byte> Levels => [16, 18, 20, 22, 24, 26, 28, 30, 14, 12, 10, 8, 6, 4, 2, 0];

    public static void Quantize(ReadOnlySpan<float> values, out IQ3_S block) => Quantize(values, [], out block);

    public static void Quantize(ReadOnlySpan<float> values, ReadOnlySpan<float> importance, out IQ3_S block)
    {
        block = default;
        Span<int> scales = stackalloc int[8];
        Span<int> codes = stackalloc int[32];
        block._d = Search.Run(values, importance, scales, codes);
        for (var g = 0; g < 8; g++)
            block._scales[g / 2] |= (byte)(scales[g] / 2 << g % 2 * 4);
        for (var i = 0; i < 32; i++)
        {
            var (first, second) = (codes[i] & 511, codes[i] >> 12 & 511);
            block._qs[2 * i] = (byte)first;
            block._qs[2 * i + 1] = (byte)second;
            block._qh[i / 4] |= (byte)((first >> 8 | second >> 8 << 1) << i % 4 * 2);
            block._signs[i] = (byte)(codes[i] >>> 24);
        }
    }

    public static void Unpack(in IQ3_S block, ref Groups groups)
    {
        groups.Scale = (float)block._d;
        groups.MinScale = 0;
        groups.GroupMins[..8].Clear();
        for (var g = 0; g < 8; g++)
            groups.GroupScales[g] = (sbyte)(2 * (block._scales[g / 2] >> g % 2 * 4 & 15) + 1);
        for (var i = 0; i < 32; i++)
        {
            var high = block._qh[i / 4] >> i % 4 * 2;
            Grids.Eight512.Read(block._qs[2 * i] | (high & 1) << 8, block._qs[2 * i + 1] | (high & 2) << 7, block._signs[i], groups.Quants[(8 * i)..]);
        }
    }
}
