namespace EmbeddedLlm.Graph;

/// <summary>How a row is normalised.</summary>
public enum NormKind
{
    /// <summary><c>x / sqrt(mean(x²) + ε)</c>.</summary>
    Rms,

    /// <summary><c>(x − mean) / sqrt(variance + ε)</c>.</summary>
    Layer,
}
