namespace EmbeddedLlm.Embeddings;

/// <summary>How well a document answers a query.</summary>
/// <param name="Index">The document's place among those given.</param>
/// <param name="Score">The model's score: higher is better. Scores of one model can be compared, whatever the query; most rerankers mean <c>1 / (1 + e^(−Score))</c> as a probability; of decoders that weigh yes against no (Qwen 3) it is that probability.</param>
public readonly record struct RerankResult(int Index, float Score);
