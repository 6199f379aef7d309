namespace EmbeddedLlm.Quantization;

/// <summary>How much the squared errors of numbers count.</summary>
internal static class Importance
{
    /// <summary><paramref name="importance"/>, or where it is empty ones, for which <paramref name="ones"/> has room.</summary>
    public static ReadOnlySpan<float> OrOnes(ReadOnlySpan<float> importance, Span<float> ones)
    {
        if (!importance.IsEmpty)
            return importance;
        ones.Fill(1);
        return ones;
    }
}
