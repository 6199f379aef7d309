using System.Runtime.InteropServices;

namespace EmbeddedLlm.Quantization;

/// <summary>32 numbers in 4 bits and one scale: <c>value = d · level(q)</c>, with levels that are closer around zero.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct IQ4_NL : IBlockFormat<IQ4_NL>
{
    private static readonly CodebookSearch Search = new(new TableCodebook(Levels, QuantOffset), groupLength: 32, ScaleSet.One);

    private Half _d;
    private Bytes16 _qs;    // byte i: value i in the low nibble, value i + 16 in the high one

    public static GgmlType Type => GgmlType.IQ4_NL;
    public static int Length => 32;
    public static int Bits => 4;
    public static int GroupLength => 32;
    public static int QuantOffset => 127;

    /// <summary>−127, −104, −83, −65, −49, −35, −22, −10, 1, 13, 25, 38, 53, 69, 89, 113.</summary>
    public static ReadOnlySpan<byte> Levels => [0, 23, 44, 62, 78, 92, 105, 117, 128, 140, 152, 165, 180, 196, 216, 240];

    public static void Quantize(ReadOnlySpan<float> values, out IQ4_NL block) => Quantize(values, [], out block);

    public static void Quantize(ReadOnlySpan<float> values, ReadOnlySpan<float> importance, out IQ4_NL block)
    {
        block = default;
        Span<int> codes = stackalloc int[32];
        block._d = Search.Run(values, importance, stackalloc int[1], codes);
        for (var i = 0; i < 16; i++)
            block._qs[i] = (byte)(codes[i] | codes[i + 16] << 4);
    }

    public static void Unpack(in IQ4_NL block, ref Groups groups)
    {
        groups.Scale = (float)block._d;
        groups.MinScale = 0;
        groups.GroupScales[0] = 1;
        groups.GroupMins[0] = 0;
        PackedBits.Read(block._qs, 0, 4, groups.Quants[..16]);
        PackedBits.Read(block._qs, 4, 4, groups.Quants[16..]);
    }
}
