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
        block = default;
        var (min, max) = Extremes.Range(values);
        var d = (max - min) / 31;
        var inverse = Extremes.Inverse(d);
        block._d = (Half)d;
        block._m = (Half)min;
        var fifth = 0u;
        for (var i = 0; i < 16; i++)
        {
            var low = Math.Min(31, (int)((values[i] - min) * inverse + 0.5f));
            var high = Math.Min(31, (int)((values[i + 16] - min) * inverse + 0.5f));
            block._qs[i] = (byte)(low & 15 | high << 4);
            fifth |= (uint)(low >> 4) << i | (uint)(high >> 4) << (i + 16);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(block._qh, fifth);
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
}
