namespace EmbeddedLlm.Graph;

/// <summary>The shape of an attention step.</summary>
/// <param name="Heads">Query heads; Q is [tokens × Heads · HeadWidth].</param>
/// <param name="KvHeads">Key and value heads, each shared by Heads / KvHeads query heads.</param>
/// <param name="HeadWidth">Numbers in a query or key head.</param>
/// <param name="ValueWidth">Numbers in a value head; Out is [tokens × Heads · ValueWidth].</param>
/// <param name="Scale">Multiplies the scores, usually 1/√HeadWidth.</param>
/// <param name="Window">Positions that a row sees, itself included; 0 for all.</param>
/// <param name="TemperatureScale">With <paramref name="TemperatureLength"/> n: scores of position p are also multiplied by <c>1 + TemperatureScale · ln(1 + ⌊p / n⌋)</c>; 0 for none.</param>
/// <param name="TemperatureLength">See <paramref name="TemperatureScale"/>.</param>
public sealed record AttentionSpec(
    int Heads,
    int KvHeads,
    int HeadWidth,
    int ValueWidth,
    float Scale,
    int Window = 0,
    float TemperatureScale = 0,
    int TemperatureLength = 0);
