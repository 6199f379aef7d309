using EmbeddedLlm.Graph;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Tests.Cpu;

/// <summary>Weights and activations for tests of kernels.</summary>
internal static class RandomWeights
{
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
    public static Weight Quantized(BlockFormat format, int rows, int columns, int seed, int experts = 1) =>
        Of(format, rows, columns, Floats(rows * columns * experts, seed), experts);

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
}
