using System.Runtime.InteropServices;

namespace EmbeddedLlm.Quantization;

/// <summary>
/// 256 numbers of −1, 0, 1 and one scale, <c>value = d · (q − 1)</c>; five digits q to base 3 make a byte. A byte is the fraction of 256 that
/// 0.q₀q₁q₂q₃q₄ is of one, rounded up, so that a multiplication by 3 brings the next digit above the byte.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct TQ1_0 : IBlockFormat<TQ1_0>
{
    private Bytes48 _qs;    // byte i of the first 32: values i + 32n, n = 0 … 4; byte 32 + i: values 160 + i + 16n
    private Bytes4 _qh;     // byte i: values 240 + i + 4n, n = 0 … 3
    private Half _d;

    public static GgmlType Type => GgmlType.TQ1_0;
    public static int Length => 256;
    public static int Bits => 2;
    public static int GroupLength => 256;
    public static int QuantOffset => 1;

    public static void Quantize(ReadOnlySpan<float> values, out TQ1_0 block)
    {
        block = default;
        Span<byte> quants = stackalloc byte[256];
        block._d = Ternary.Round(values, quants);
        Write(quants, block._qs[..32], 5);
        Write(quants[160..], block._qs[32..], 5);
        Write(quants[240..], block._qh, 4);
    }

    public static void Unpack(in TQ1_0 block, ref Groups groups)
    {
        groups.Scale = (float)block._d;
        groups.MinScale = 0;
        groups.GroupScales[0] = 1;
        groups.GroupMins[0] = 0;
        Read(((ReadOnlySpan<byte>)block._qs)[..32], groups.Quants, 5);
        Read(((ReadOnlySpan<byte>)block._qs)[32..], groups.Quants[160..], 5);
        Read(block._qh, groups.Quants[240..], 4);
    }

    private static void Write(ReadOnlySpan<byte> quants, Span<byte> bytes, int digits)
    {
        for (var i = 0; i < bytes.Length; i++)
        {
            var number = 0;
            for (var n = 0; n < 5; n++)
                number = 3 * number + (n < digits ? quants[n * bytes.Length + i] : 0);
            bytes[i] = (byte)((number * 256 + 242) / 243);
        }
    }

    private static void Read(ReadOnlySpan<byte> bytes, Span<byte> quants, int digits)
    {
        for (var i = 0; i < bytes.Length; i++)
        {
            var fraction = bytes[i];
            for (var n = 0; n < digits; n++)
            {
                var tripled = 3 * fraction;
                quants[n * bytes.Length + i] = (byte)(tripled >> 8);
                fraction = (byte)tripled;
            }
        }
    }
}
