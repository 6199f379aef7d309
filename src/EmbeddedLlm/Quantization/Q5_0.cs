using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace EmbeddedLlm.Quantization;

/// <summary>32 numbers in 5 bits and one scale: <c>value = d · (q − 16)</c>.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct Q5_0 : IBlockFormat<Q5_0>
{
    private Half _d;
    private Bytes4 _qh;     // bit i: the fifth bit of value i
    private Bytes16 _qs;    // the lower four bits, as in Q4_0

    public static GgmlType Type => GgmlType.Q5_0;
    public static int Length => 32;
    public static int Bits => 5;
    public static int GroupLength => 32;
    public static int QuantOffset => 16;

    /// <summary>The value farthest from zero becomes −16, the level that has no mirror image.</summary>
    public static void Quantize(ReadOnlySpan<float> values, out Q5_0 block)
    {
        var d = Extremes.Farthest(values) / -16;
        var inverse = Extremes.Inverse(d);
        Span<byte> quants = stackalloc byte[32];
        for (var i = 0; i < 32; i++)
            quants[i] = (byte)Math.Min(31, (int)(values[i] * inverse + 16.5f));
        block = Pack((Half)d, quants);
    }

    public static void Quantize(ReadOnlySpan<float> values, ReadOnlySpan<float> importance, out Q5_0 block)
    {
        Span<byte> quants = stackalloc byte[32];
        block = Pack(SymmetricSearch.RunOne(values, importance, levels: 16, quants), quants);
    }

    public static void Unpack(in Q5_0 block, ref Groups groups)
    {
        groups.Scale = (float)block._d;
        groups.MinScale = 0;
        groups.GroupScales[0] = 1;
        groups.GroupMins[0] = 0;
        var fifth = BinaryPrimitives.ReadUInt32LittleEndian(block._qh);
        for (var i = 0; i < 16; i++)
        {
            groups.Quants[i] = (byte)(block._qs[i] & 15u | fifth >> i << 4 & 16);
            groups.Quants[i + 16] = (byte)((uint)block._qs[i] >> 4 | fifth >> i >> 12 & 16);
        }
    }

    private static Q5_0 Pack(Half d, ReadOnlySpan<byte> quants)
    {
        var block = new Q5_0 { _d = d };
        var fifth = 0u;
        for (var i = 0; i < 16; i++)
        {
            block._qs[i] = (byte)(quants[i] & 15 | quants[i + 16] << 4);
            fifth |= (uint)(quants[i] >> 4) << i | (uint)(quants[i + 16] >> 4) << (i + 16);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(block._qh, fifth);
        return block;
    }
}
