namespace EmbeddedLlm.Gguf;

/// <summary>What an importance matrix says of one tensor.</summary>
/// <param name="Sums">Sums of the squares of the numbers that entered: [matrices × columns].</param>
/// <param name="Counts">How many rows entered each matrix, or all of them in one number.</param>
internal sealed record ImportanceEntry(float[] Sums, float[] Counts);
