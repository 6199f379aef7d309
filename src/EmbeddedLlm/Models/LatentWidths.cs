namespace EmbeddedLlm.Models;

/// <summary>The dimensions of multi-head latent attention.</summary>
/// <param name="Rank">Numbers of a latent, which the keys and values of all heads are made of.</param>
/// <param name="QueryWidth">Numbers in a query head as its projection gives it: those that meet the latent, and those that are turned.</param>
/// <param name="OutputWidth">Numbers in a head of the result.</param>
internal sealed record LatentWidths(int Rank, int QueryWidth, int OutputWidth);
