using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Gguf;

/// <summary>A tensor that <see cref="GgufQuantizer"/> has written.</summary>
/// <param name="Tensor">Its name.</param>
/// <param name="From">Its format before.</param>
/// <param name="Wanted">The format that the target has for it.</param>
/// <param name="To">Its format now: that of before where it was copied, another than wanted where its rows are no multiple of the wanted block.</param>
/// <param name="IsWeighted">Whether an importance matrix said how much its weights count.</param>
/// <param name="Done">Tensors written so far.</param>
/// <param name="Count">Tensors in all.</param>
public sealed record QuantizationProgress(string Tensor, GgmlType From, GgmlType Wanted, GgmlType To, bool IsWeighted, int Done, int Count);
