using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Gguf;

/// <summary>A tensor that <see cref="GgufQuantizer"/> has written.</summary>
/// <param name="Tensor">Its name.</param>
/// <param name="From">Its format before.</param>
/// <param name="To">Its format now; the same where it was copied.</param>
/// <param name="Done">Tensors written so far.</param>
/// <param name="Count">Tensors in all.</param>
public sealed record QuantizationProgress(string Tensor, GgmlType From, GgmlType To, int Done, int Count);
