using System.Runtime.InteropServices;

namespace EmbeddedLlm.Quantization;

/// <summary>256 numbers of −1, 0, 1 in 2 bits and one scale: <c>value = d · (q − 1)</c>.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct TQ2_0 : IBlockFormat<TQ2_0>
{
    private Bytes64 _qs;    // byte 32h + i: values 128h + i + {0, 32, 64, 96}, two bits each, lowest first
    private Half _d;

    public static GgmlType Type => GgmlType.TQ2_0;
    public static int Length => 256;
    public static int Bits => 2;
    public static int GroupLength => 256;
    public static int QuantOffset => 1;

    public static void Quantize(ReadOnlySpan<float> values, out TQ2_0 block)
    {
        block = default;
        Span<byte> quants = stackalloc byte[256];
        block._d = Ternary.Round(values, quants);
        for (var i = 0; i < 64; i++)
        {
            var q = quants[(i / 32 * 128 + i % 32)..];
            block._qs[i] = (byte)(q[0] | q[32] << 2 | q[64] << 4 | q[96] << 6);
        }
    }

    public static void Unpack(in TQ2_0 block, ref Groups groups)
    {
        groups.Scale = (float)block._d;
        groups.MinScale = 0;
        groups.GroupScales[0] = 1;
        groups.GroupMins[0] = 0;
        for (var part = 0; part < 8; part++)
            PackedBits.Read(((ReadOnlySpan<byte>)block._qs).Slice(part / 4 * 32, 32), part % 4 * 2, 2, groups.Quants[(32 * part)..]);
    }
}
