using System.Runtime.InteropServices;

namespace EmbeddedLlm.Quantization;

/// <summary>
/// 256 numbers, each eight a vector of −1, 0, 1 from a grid of 2048; 8 groups of 32, each with a scale of 3 bits and a shift of an eighth up or down:
/// <c>value = d / 8 · (2 · scale + 1) · (8 · {−1, 0, 1} ± 1)</c>.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct IQ1_S : IBlockFormat<IQ1_S>
{
    private static readonly CodebookSearch Search = new(new ShiftedGridCodebook(shiftLength: 32), groupLength: 32, new ScaleSet(1, 15, 2), unit: 1f / 8);

    private Half _d;
    private Bytes32 _qs;    // lower eight bits of each vector's number
    private Bytes16 _qh;    // 16 bits for each group: upper three bits of its four vectors, lowest first; the scale; 1 for a shift down

    public static GgmlType Type => GgmlType.IQ1_S;
    public static int Length => 256;
    public static int Bits => 4;
    public static int GroupLength => 32;
    public static int QuantOffset => 9;
    public static ReadOnlySpan<byte> Levels => ShiftedGridCodebook.Levels;

    /// <summary>A part of a half.</summary>
    public static GgmlType ScaleType => GgmlType.F32;

    public static void Quantize(ReadOnlySpan<float> values, out IQ1_S block) => Quantize(values, [], out block);

    public static void Quantize(ReadOnlySpan<float> values, ReadOnlySpan<float> importance, out IQ1_S block)
    {
        block = default;
        Span<int> scales = stackalloc int[8];
        Span<int> codes = stackalloc int[32];
        block._d = Search.Run(values, importance, scales, codes);
        for (var g = 0; g < 8; g++)
        {
            var bits = scales[g] / 2 << 12 | codes[4 * g] >> 11 << 15;
            for (var i = 0; i < 4; i++)
            {
                block._qs[4 * g + i] = (byte)codes[4 * g + i];
                bits |= (codes[4 * g + i] >> 8 & 7) << 3 * i;
            }

            BitConverter.TryWriteBytes(block._qh[(2 * g)..], (ushort)bits);
        }
    }

    public static void Unpack(in IQ1_S block, ref Groups groups)
    {
        groups.Scale = (float)block._d / 8;
        groups.MinScale = 0;
        groups.GroupMins[..8].Clear();
        for (var g = 0; g < 8; g++)
        {
            var bits = BitConverter.ToUInt16(((ReadOnlySpan<byte>)block._qh)[(2 * g)..]);
            groups.GroupScales[g] = (sbyte)(2 * (bits >> 12 & 7) + 1);
            for (var i = 0; i < 4; i++)
                Grids.Ternary2048.Read(block._qs[4 * g + i] | (bits >> 3 * i & 7) << 8, bits >> 15 != 0 ? 255 : 0, groups.Quants[(32 * g + 8 * i)..]);
        }
    }
}
