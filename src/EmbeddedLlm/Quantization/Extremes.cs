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

    /// <summary>1 / <paramref name="scale"/>, and 0 for 0: a block of zeros stays one.</summary>
    public static float Inverse(float scale) => scale != 0 ? 1 / scale : 0;
}
