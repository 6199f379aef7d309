using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace EmbeddedLlm.Quantization;

/// <summary>32 numbers in 5 bits, a scale and a minimum: <c>value = d · q + m</c>.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct Q5_1 : IBlockFormat<Q5_1>
{
    private Half _d;
    private Half _m;
    private Bytes4 _qh;     // as in Q5_0
    private Bytes16 _qs;    // as in Q4_0

    public static GgmlType Type => GgmlType.Q5_1;
    public static int Length => 32;
    public static int Bits => 5;
    public static int GroupLength => 32;

    public static void Quantize(ReadOnlySpan<float> values, out Q5_1 block)
    {
        Span<byte> quants = stackalloc byte[32];
        var (scale, min) = Extremes.Quantize(values, maxQuant: 31, quants);
        block = Pack((Half)scale, (Half)min, quants);
    }

    public static void Quantize(ReadOnlySpan<float> values, ReadOnlySpan<float> importance, out Q5_1 block)
    {
        Span<byte> quants = stackalloc byte[32];
        var (scale, min) = AffineSearch.RunOne(values, importance, maxQuant: 31, quants);
        block = Pack(scale, -min, quants);
    }

    public static void Unpack(in Q5_1 block, ref Groups groups)
    {
        groups.Scale = (float)block._d;
        groups.MinScale = -(float)block._m;
        groups.GroupScales[0] = 1;
        groups.GroupMins[0] = 1;
        var fifth = BinaryPrimitives.ReadUInt32LittleEndian(block._qh);
        for (var i = 0; i < 16; i++)
        {
            groups.Quants[i] = (byte)(block._qs[i] & 15u | fifth >> i << 4 & 16);
            groups.Quants[i + 16] = (byte)((uint)block._qs[i] >> 4 | fifth >> i >> 12 & 16);
        }
    }

    private static Q5_1 Pack(Half d, Half m, ReadOnlySpan<byte> quants)
    {
        var block = new Q5_1 { _d = d, _m = m };
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
