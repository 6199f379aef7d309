using System.Runtime.InteropServices;

namespace EmbeddedLlm.Quantization;

/// <summary>
/// 32 floats of 4 bits and one power of two (OCP Microscaling Formats, E2M1 with E8M0): <c>value = 2^(e − 128) · level(q)</c>, the levels being twice
/// the floats, so that they are integers.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct MXFP4 : IBlockFormat<MXFP4>
{
    private static readonly TableCodebook Codebook = new(Levels, QuantOffset);

    private byte _e;
    private Bytes16 _qs;    // byte i: value i in the low nibble, value i + 16 in the high one

    public static GgmlType Type => GgmlType.MXFP4;
    public static int Length => 32;
    public static int Bits => 4;
    public static int GroupLength => 32;
    public static int QuantOffset => 12;

    /// <summary>0, 1, 2, 3, 4, 6, 8, 12 and the same negative.</summary>
    public static ReadOnlySpan<byte> Levels => [12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0];

    /// <summary>The scales are powers of two, of which halves have few and brain floats all.</summary>
    public static GgmlType ScaleType => GgmlType.BF16;

    public static void Quantize(ReadOnlySpan<float> values, out MXFP4 block) => Quantize(values, [], out block);

    /// <summary>Of the three scales around that with which the value farthest from zero is within the levels, the one with the least weighted squared error.</summary>
    public static void Quantize(ReadOnlySpan<float> values, ReadOnlySpan<float> importance, out MXFP4 block)
    {
        block = default;
        var weights = Importance.OrOnes(importance, stackalloc float[32]);
        var farthest = MathF.Abs(Extremes.Farthest(values));
        if (!(farthest > 0))
            return;

        Span<float> scaled = stackalloc float[32];
        Span<float> levels = stackalloc float[32];
        Span<int> codes = stackalloc int[32];
        var exponent = float.IsFinite(farthest) ? (int)MathF.Floor(MathF.Log2(farthest)) - 2 + 127 : 254;
        var leastError = double.PositiveInfinity;
        for (var e = Math.Clamp(exponent - 1, 0, 254); e <= Math.Clamp(exponent + 1, 0, 254); e++)
        {
            var scale = Scale((byte)e);
            for (var i = 0; i < 32; i++)
                scaled[i] = values[i] / scale;
            Codebook.Round(scaled, weights, levels, codes);
            var error = 0d;
            for (var i = 0; i < 32; i++)
                error += weights[i] * Math.Pow((double)values[i] - (double)scale * levels[i], 2);
            if (!(error < leastError))
                continue;
            leastError = error;
            block._e = (byte)e;
            for (var i = 0; i < 16; i++)
                block._qs[i] = (byte)(codes[i] | codes[i + 16] << 4);
        }
    }

    public static void Unpack(in MXFP4 block, ref Groups groups)
    {
        groups.Scale = Scale(block._e);
        groups.MinScale = 0;
        groups.GroupScales[0] = 1;
        groups.GroupMins[0] = 0;
        PackedBits.Read(block._qs, 0, 4, groups.Quants[..16]);
        PackedBits.Read(block._qs, 4, 4, groups.Quants[16..]);
    }

    // 2^(e − 128): the exponent bits of a float, and below its normal numbers one of the upper two bits of the fraction.
    private static float Scale(byte e) => BitConverter.Int32BitsToSingle(e < 2 ? 1 << (21 + e) : (e - 1) << 23);
}
