namespace EmbeddedLlm.Graph;

/// <summary>The shape of an attention step.</summary>
/// <param name="Heads">Query heads; Q is [tokens × Heads · HeadWidth].</param>
/// <param name="KvHeads">Key and value heads, each shared by Heads / KvHeads query heads.</param>
/// <param name="HeadWidth">Numbers in a query or key head.</param>
/// <param name="ValueWidth">Numbers in a value head; Out is [tokens × Heads · ValueWidth].</param>
/// <param name="Scale">Multiplies the scores, usually 1/√HeadWidth.</param>
/// <param name="Window">Positions that a row sees, itself included; 0 for all. Without <paramref name="IsCausal"/>: those up to half of this away.</param>
/// <param name="TemperatureScale">With <paramref name="TemperatureLength"/> n: scores of position p are also multiplied by <c>1 + TemperatureScale · ln(1 + ⌊p / n⌋)</c>; 0 for none.</param>
/// <param name="TemperatureLength">See <paramref name="TemperatureScale"/>.</param>
/// <param name="SoftCap">Scaled scores s become <c>SoftCap · tanh(s / SoftCap)</c>; 0 for none.</param>
/// <param name="AlibiBias">Each score loses <see cref="AlibiSlope"/> · distance (Press et al. 2021, "Train Short, Test Long"); 0 for none.</param>
/// <param name="IsCausal">Whether a row sees only itself and what is before it; otherwise it sees all positions of its slice, which must be a whole text.</param>
public sealed record AttentionSpec(
    int Heads,
    int KvHeads,
    int HeadWidth,
    int ValueWidth,
    float Scale,
    int Window = 0,
    float TemperatureScale = 0,
    int TemperatureLength = 0,
    float SoftCap = 0,
    float AlibiBias = 0,
    bool IsCausal = true)
{
    /// <summary>The positions that a row sees of a sequence: First … End − 1.</summary>
    /// <param name="position">Where the row stands.</param>
    /// <param name="length">Positions of the sequence, those of this batch included.</param>
    public (int First, int End) View(int position, int length)
    {
        if (IsCausal)
            return (Window == 0 ? 0 : Math.Max(0, position - Window + 1), position + 1);
        return Window == 0 ? (0, length) : (Math.Max(0, position - Window / 2), (int)Math.Min(length, position + Window / 2 + 1L));
    }

    /// <summary>
    /// What a score of <paramref name="head"/> loses for each position between key and query. For n heads, a power of two, <c>2^(−AlibiBias · (head + 1) / n)</c>;
    /// otherwise those beyond the largest power of two below take every second step of twice as many heads.
    /// </summary>
    public float AlibiSlope(int head)
    {
        var powerOfTwo = 1 << int.Log2(Heads);
        var exponent = head < powerOfTwo ? (head + 1.0) / powerOfTwo : (head - powerOfTwo + 0.5) / powerOfTwo;
        return (float)Math.Pow(2, -AlibiBias * exponent);
    }
}
