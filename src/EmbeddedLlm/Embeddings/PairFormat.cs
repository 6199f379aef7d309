namespace EmbeddedLlm.Embeddings;

/// <summary>How a query and a document become one text.</summary>
/// <param name="Separator">Tokens between them, beside those that end the query.</param>
/// <param name="Template">A text with places for both, which takes the place of that; null where the file has none.</param>
internal sealed record PairFormat(IReadOnlyList<int> Separator, PairTemplate? Template = null);
