namespace EmbeddedLlm.Quantization;

/// <summary>The integer scales that a format has for its groups: <paramref name="Low"/>, <paramref name="Low"/> + <paramref name="Step"/> … <paramref name="High"/>.</summary>
/// <param name="Low">The least.</param>
/// <param name="High">The greatest.</param>
/// <param name="Step">From one to the next.</param>
internal readonly record struct ScaleSet(int Low, int High, int Step)
{
    /// <summary>One scale for the whole block.</summary>
    public static ScaleSet One { get; } = new(1, 1, 1);

    /// <summary>The one farthest from zero.</summary>
    public int Farthest => -Low > High ? Low : High;

    /// <summary>Whether a group's scale may be negative, by its integer or where a block has one scale only.</summary>
    public bool IsSigned => Low < 0 || Low == High;

    /// <summary>The one for which <c>factor · scale</c> is nearest to <paramref name="value"/>.</summary>
    public int Nearest(float value, float factor) =>
        factor == 0 ? Math.Max(Low, 1) : Low + Step * (int)Rounding.Nearest((value / factor - Low) / Step, 0, (High - Low) / Step);
}
