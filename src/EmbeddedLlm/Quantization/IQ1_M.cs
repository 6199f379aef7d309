using System.Runtime.InteropServices;

namespace EmbeddedLlm.Quantization;

/// <summary>
/// 256 numbers, each eight a vector of −1, 0, 1 from a grid of 2048 with a shift of an eighth up or down; 16 groups of 16, each with a scale of 3 bits:
/// <c>value = d / 8 · (2 · scale + 1) · (8 · {−1, 0, 1} ± 1)</c>.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct IQ1_M : IBlockFormat<IQ1_M>
{
    private static readonly CodebookSearch Search = new(new ShiftedGridCodebook(shiftLength: 8), groupLength: 16, new ScaleSet(1, 15, 2), unit: 1f / 8);

    private Bytes32 _qs;        // lower eight bits of each vector's number
    private Bytes16 _qh;        // vectors 2i and 2i + 1 in byte i, the first in the low nibble: upper three bits of the number; 1 for a shift down
    private Bytes8 _scales;     // 16 bits for each four groups: their scales, lowest first; a quarter of the bits of d, lowest first

    public static GgmlType Type => GgmlType.IQ1_M;
    public static int Length => 256;
    public static int Bits => 4;
    public static int GroupLength => 16;
    public static int QuantOffset => 9;
    public static ReadOnlySpan<byte> Levels => ShiftedGridCodebook.Levels;

    /// <summary>A part of a half.</summary>
    public static GgmlType ScaleType => GgmlType.F32;

    public static void Quantize(ReadOnlySpan<float> values, out IQ1_M block) => Quantize(values, [], out block);

    public static void Quantize(ReadOnlySpan<float> values, ReadOnlySpan<float> importance, out IQ1_M block)
    {
        block = default;
        Span<int> scales = stackalloc int[16];
        Span<int> codes = stackalloc int[32];
        var d = BitConverter.HalfToUInt16Bits(Search.Run(values, importance, scales, codes));
        for (var i = 0; i < 32; i++)
        {
            block._qs[i] = (byte)codes[i];
            block._qh[i / 2] |= (byte)(codes[i] >> 8 << i % 2 * 4);
        }

        for (var quarter = 0; quarter < 4; quarter++)
        {
            var bits = (d >> 4 * quarter & 15) << 12;
            for (var i = 0; i < 4; i++)
                bits |= scales[4 * quarter + i] / 2 << 3 * i;
            BitConverter.TryWriteBytes(block._scales[(2 * quarter)..], (ushort)bits);
        }
    }

    public static void Unpack(in IQ1_M block, ref Groups groups)
    {
        var d = 0;
        for (var quarter = 0; quarter < 4; quarter++)
        {
            var bits = BitConverter.ToUInt16(((ReadOnlySpan<byte>)block._scales)[(2 * quarter)..]);
            d |= bits >> 12 << 4 * quarter;
            for (var i = 0; i < 4; i++)
                groups.GroupScales[4 * quarter + i] = (sbyte)(2 * (bits >> 3 * i & 7) + 1);
        }

        groups.Scale = (float)BitConverter.UInt16BitsToHalf((ushort)d) / 8;
        groups.MinScale = 0;
        groups.GroupMins[..16].Clear();
        for (var i = 0; i < 32; i++)
        {
            var high = block._qh[i / 2] >> i % 2 * 4;
            Grids.Ternary2048.Read(block._qs[i] | (high & 7) << 8, (high & 8) != 0 ? 255 : 0, groups.Quants[(8 * i)..]);
        }
    }
}
