using System.Runtime.InteropServices;

namespace EmbeddedLlm.Quantization;

/// <summary>
/// 256 numbers, each eight a vector of a grid of 256 and seven signs; 8 groups of 32, each with a scale of 4 bits:
/// <c>value = d / 8 · (2 · scale + 1) · ±{8, 25, 43}</c>.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct IQ2_XXS : IBlockFormat<IQ2_XXS>
{
    private static readonly CodebookSearch Search = new(new SignedGridCodebook(Grids.Three256, hasEvenSigns: true, 8, 25, 43), groupLength: 32, new ScaleSet(1, 31, 2), unit: 1f / 8);

    private Half _d;
    private Bytes64 _qs;    // 8 for each group: four vectors; then 32 bits, four times seven signs, lowest first, and the scale on top

    public static GgmlType Type => GgmlType.IQ2_XXS;
    public static int Length => 256;
    public static int Bits => 4;
    public static int GroupLength => 32;
    public static int QuantOffset => 43;

    /// <summary>8, 25, 43, and the same negative from place 8 on.</summary>
    public static ReadOnlySpan<byte> Levels => [51, 68, 86, 43, 43, 43, 43, 43, 35, 18, 0, 43, 43, 43, 43, 43];

    /// <summary>A part of a half.</summary>
    public static GgmlType ScaleType => GgmlType.F32;

    public static void Quantize(ReadOnlySpan<float> values, out IQ2_XXS block) => Quantize(values, [], out block);

    public static void Quantize(ReadOnlySpan<float> values, ReadOnlySpan<float> importance, out IQ2_XXS block)
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
                block._qs[8 * g + i] = (byte)code;
                bits |= (uint)(code >>> 24 & 127) << 7 * i;
            }

            BitConverter.TryWriteBytes(block._qs[(8 * g + 4)..], bits);
        }
    }

    public static void Unpack(in IQ2_XXS block, ref Groups groups)
    {
        groups.Scale = (float)block._d / 8;
        groups.MinScale = 0;
        groups.GroupMins[..8].Clear();
        for (var g = 0; g < 8; g++)
        {
            var bits = BitConverter.ToUInt32(((ReadOnlySpan<byte>)block._qs)[(8 * g + 4)..]);
            groups.GroupScales[g] = (sbyte)(2 * (bits >> 28) + 1);
            for (var i = 0; i < 4; i++)
                Grids.Three256.Read(block._qs[8 * g + i], SignedGridCodebook.Complete((int)(bits >> 7 * i & 127)), groups.Quants[(32 * g + 8 * i)..]);
        }
    }
}
