namespace EmbeddedLlm.Quantization;

/// <summary>The values that decide the scale of a block.</summary>
internal static class Extremes
{
    /// <summary>The value farthest from zero, with its sign; the first of several.</summary>
    public static float Farthest(ReadOnlySpan<float> values)
    {
        var farthest = 0f;
        foreach (var value in values)
        {
            if (MathF.Abs(value) > MathF.Abs(farthest))
                farthest = value;
        }

        return farthest;
    }

    /// <summary>The least and the greatest value.</summary>
    public static (float Min, float Max) Range(ReadOnlySpan<float> values)
    {
        var (min, max) = (float.MaxValue, float.MinValue);
        foreach (var value in values)
        {
            if (value < min)
                min = value;
            if (value > max)
                max = value;
        }

        return (min, max);
    }

    /// <summary>Quants from 0 to <paramref name="maxQuant"/> that reach from the least value to the greatest, their scale and the least value.</summary>
    public static (float Scale, float Min) Quantize(ReadOnlySpan<float> values, int maxQuant, Span<byte> quants)
    {
        var (min, max) = Range(values);
        var scale = (max - min) / maxQuant;
        var inverse = Inverse(scale);
        for (var i = 0; i < values.Length; i++)
            quants[i] = (byte)Math.Min(maxQuant, (int)((values[i] - min) * inverse + 0.5f));
        return (scale, min);
    }

    /// <summary>1 / <paramref name="scale"/>, and 0 for 0: a block of zeros stays one.</summary>
    public static float Inverse(float scale) => scale != 0 ? 1 / scale : 0;
}
