namespace EmbeddedLlm.Models;

/// <summary>The heads of layers with a window, where they are of another size.</summary>
/// <param name="HeadWidth">Numbers in a query or key head.</param>
/// <param name="ValueWidth">Numbers in a value head.</param>
/// <param name="RopeWidth">Numbers of a head that are turned.</param>
internal sealed record WindowHeads(int HeadWidth, int ValueWidth, int RopeWidth);
