namespace EmbeddedLlm.Quantization;

/// <summary>Rounding to −1, 0, 1 times a scale.</summary>
internal static class Ternary
{
    /// <summary>The value farthest from zero gives the scale, so that weights which are ternary already stay exact. Quants are the digits 0, 1, 2.</summary>
    public static Half Round(ReadOnlySpan<float> values, Span<byte> quants)
    {
        var d = MathF.Abs(Extremes.Farthest(values));
        var inverse = Extremes.Inverse(d);
        for (var i = 0; i < values.Length; i++)
        {
            var scaled = MathF.Round(values[i] * inverse, MidpointRounding.AwayFromZero);
            quants[i] = scaled > 0 ? (byte)2 : scaled < 0 ? (byte)0 : (byte)1;
        }

        return (Half)d;
    }
}
