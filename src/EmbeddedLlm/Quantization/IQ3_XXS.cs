using System.Runtime.InteropServices;

namespace EmbeddedLlm.Quantization;

/// <summary>
/// 256 numbers, each four a vector of a grid of 256, each eight with seven signs; 8 groups of 32, each with a scale of 4 bits:
/// <c>value = d / 4 · (2 · scale + 1) · ±{4, 12, 20, 28, 36, 44, 52, 62}</c>.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct IQ3_XXS : IBlockFormat<IQ3_XXS>
{
    private static readonly CodebookSearch Search = new(
        new SignedGridCodebook(Grids.Eight256, hasEvenSigns: true, 4, 12, 20, 28, 36, 44, 52, 62), groupLength: 32, new ScaleSet(1, 31, 2), unit: 1f / 4);

    private Half _d;
    private Bytes64 _qs;        // the vectors
    private Bytes32 _signs;     // 32 bits for each group: four times seven signs, lowest first, and the scale on top

    public static GgmlType Type => GgmlType.IQ3_XXS;
    public static int Length => 256;
    public static int Bits => 4;
    public static int GroupLength => 32;
    public static int QuantOffset => 62;

    /// <summary>4, 12, 20, 28, 36, 44, 52, 62 and the same negative.</summary>
    public static ReadOnlySpan<byte> Levels => [66, 74, 82, 90, 98, 106, 114, 124, 58, 50, 42, 34, 26, 18, 10, 0];

    /// <summary>A part of a half.</summary>
    public static GgmlType ScaleType => GgmlType.F32;

    public static void Quantize(ReadOnlySpan<float> values, out IQ3_XXS block) => Quantize(values, [], out block);

    public static void Quantize(ReadOnlySpan<float> values, ReadOnlySpan<float> importance, out IQ3_XXS block)
    {
        block = default;
        Span<int> scales = stackalloc int[8];
        Span<int> codes = stackalloc int[32];
        block._d = Search.Run(values, importance, scales, codes);
        for (var g = 0; g < 8; g++)
        {
            var bits = (uint)(scales[g] / 2) << 28;
            for (var i = 0; i < 4; i++)
            {
                var code = codes[4 * g + i];
                block._qs[8 * g + 2 * i] = (byte)code;
                block._qs[8 * g + 2 * i + 1] = (byte)(code >> 12);
                bits |= (uint)(code >>> 24 & 127) << 7 * i;
            }

            BitConverter.TryWriteBytes(block._signs[(4 * g)..], bits);
        }
    }

    public static void Unpack(in IQ3_XXS block, ref Groups groups)
    {
        groups.Scale = (float)block._d / 4;
        groups.MinScale = 0;
        groups.GroupMins[..8].Clear();
        for (var g = 0; g < 8; g++)
        {
            var bits = BitConverter.ToUInt32(((ReadOnlySpan<byte>)block._signs)[(4 * g)..]);
            groups.GroupScales[g] = (sbyte)(2 * (bits >> 28) + 1);
            for (var i = 4 * g; i < 4 * g + 4; i++)
                Grids.Eight256.Read(block._qs[2 * i], block._qs[2 * i + 1], SignedGridCodebook.Complete((int)(bits >> 7 * (i % 4) & 127)), groups.Quants[(8 * i)..]);
        }
    }
}
