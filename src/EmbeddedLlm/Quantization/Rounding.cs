namespace EmbeddedLlm.Quantization;

/// <summary>Roundings that the searches for scales share.</summary>
internal static class Rounding
{
    /// <summary>The nearest integer from <paramref name="low"/> to <paramref name="high"/>, as a float; <paramref name="low"/> for what is no number.</summary>
    public static float Nearest(float value, float low, float high)
    {
        var rounded = MathF.Round(value);
        return rounded > high ? high : rounded >= low ? rounded : low;
    }

    /// <summary>The multiple of <paramref name="factor"/> nearest to <paramref name="value"/>, within bounds; 0 where the factor is 0.</summary>
    public static int Multiple(float value, float factor, int low, int high) => factor == 0 ? 0 : (int)Nearest(value / factor, low, high);

    /// <summary>The value that a half keeps. What would vanish or overflow becomes the least or the greatest half.</summary>
    public static float ToHalf(double value)
    {
        var half = (float)(Half)value;
        if (half == 0 && value != 0)
            return MathF.CopySign((float)Half.Epsilon, (float)value);
        return float.IsInfinity(half) ? MathF.CopySign((float)Half.MaxValue, half) : half;
    }
}
