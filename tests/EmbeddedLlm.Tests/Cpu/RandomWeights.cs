using System.Collections.Concurrent;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Tests.Cpu;

/// <summary>Weights and activations for tests of kernels.</summary>
internal static class RandomWeights
{
    // Rounding to a grid is a long search, longest where vectors are slow.
    private static readonly ConcurrentDictionary<GgmlType, byte[]> Pools = [];

    /// <summary>Numbers around zero of which a few are large, as activations have them.</summary>
    public static float[] Floats(int count, int seed)
    {
        var random = new Random(seed);
        var values = new float[count];
        for (var i = 0; i < count; i++)
            values[i] = (float)((random.NextDouble() * 2 - 1) * (random.Next(50) == 0 ? 8 : 1));
        return values;
    }

    /// <summary>Floats rounded to a format.</summary>
    public static Weight Quantized(BlockFormat format, int rows, int columns, int seed, int experts = 1) => IsSearched(format)
        ? new("test", format, columns, rows, WeightStorage.From(Pooled(format, rows * columns * experts, seed)), 0, experts)
        : Of(format, rows, columns, Floats(rows * columns * experts, seed), experts);

    /// <summary>Whether rounding to the format takes long, so that tests should round few blocks and use them again.</summary>
    public static bool IsSearched(BlockFormat format) => format.Length == 256 && format.Levels.Length > 0;

    /// <summary>These floats rounded to a format.</summary>
    public static Weight Of(BlockFormat format, int rows, int columns, float[] values, int experts = 1)
    {
        var bytes = new byte[format.RowBytes(columns) * rows * experts];
        format.Quantize(values, bytes);
        return new Weight("test", format, columns, rows, WeightStorage.From(bytes), 0, experts);
    }

    /// <summary>Random bytes as blocks, as far as they have moderate values: every quant and every scale occurs.</summary>
    public static Weight Raw(BlockFormat format, int rows, int columns, int seed)
    {
        var random = new Random(seed);
        var bytes = new byte[format.RowBytes(columns) * rows];
        var values = new float[format.Length];
        for (var at = 0; at < bytes.Length; at += format.BlockBytes)
        {
            var block = bytes.AsSpan(at, format.BlockBytes);
            do
            {
                random.NextBytes(block);
                format.Dequantize(block, values);
            }
            while (values.Any(v => !(MathF.Abs(v) < 1e4f)));
        }

        return new Weight("test", format, columns, rows, WeightStorage.From(bytes), 0);
    }

    /// <summary>Where the scales and minimum scales of a block stand, in bytes.</summary>
    public static int[] Halves(BlockFormat format) => format.Type switch
    {
        GgmlType.Q4_0 or GgmlType.Q5_0 or GgmlType.Q8_0 or GgmlType.IQ4_NL or GgmlType.IQ4_XS => [0],
        GgmlType.IQ1_S or GgmlType.IQ2_XXS or GgmlType.IQ2_XS or GgmlType.IQ2_S or GgmlType.IQ3_XXS or GgmlType.IQ3_S => [0],
        GgmlType.Q4_1 or GgmlType.Q5_1 or GgmlType.Q4_K or GgmlType.Q5_K => [0, 2],
        GgmlType.Q2_K => [80, 82],
        GgmlType.Q3_K => [108],
        GgmlType.IQ1_M => [48],         // in four parts
        GgmlType.TQ1_0 => [52],
        GgmlType.TQ2_0 => [64],
        GgmlType.MXFP4 => [],           // a power of two is always finite
        GgmlType.Q6_K => [208],
        _ => throw new NotSupportedException($"Say where {format} keeps its scales."),
    };

    /// <summary>Sets the bits of one of the <see cref="Halves"/> of a block.</summary>
    public static void SetHalf(BlockFormat format, Span<byte> block, int half, ushort bits)
    {
        var place = Halves(format)[half];
        if (format.Type != GgmlType.IQ1_M)
        {
            BitConverter.TryWriteBytes(block[place..], bits);
            return;
        }

        for (var quarter = 0; quarter < 4; quarter++)
            block[place + 2 * quarter + 1] = (byte)(block[place + 2 * quarter + 1] & 15 | (bits >> 4 * quarter & 15) << 4);
    }

    private static byte[] Pooled(BlockFormat format, int count, int seed)
    {
        var pool = Pools.GetOrAdd(format.Type, _ =>
        {
            var blocks = new byte[40 * format.BlockBytes];
            format.Quantize(Floats(40 * format.Length, 1), blocks);
            return blocks;
        });
        var random = new Random(seed);
        var bytes = new byte[format.RowBytes(count)];
        for (var at = 0; at < bytes.Length; at += format.BlockBytes)
            pool.AsSpan(random.Next(pool.Length / format.BlockBytes) * format.BlockBytes, format.BlockBytes).CopyTo(bytes.AsSpan(at));
        return bytes;
    }
}
