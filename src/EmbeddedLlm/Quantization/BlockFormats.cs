using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace EmbeddedLlm.Quantization;

/// <summary>The table of weight formats: one line each. What is listed here is tested, quantized to, inspected and run.</summary>
public static class BlockFormats
{
    /// <summary>Every weight format this library computes with.</summary>
    public static ImmutableArray<BlockFormat> All { get; } =
    [
        BlockFormat.Of<F32>(),
        BlockFormat.Of<F16>(),
        BlockFormat.Of<BF16>(),
        BlockFormat.Of<Q4_0>(),
        BlockFormat.Of<Q4_1>(),
        BlockFormat.Of<Q5_0>(),
        BlockFormat.Of<Q5_1>(),
        BlockFormat.Of<Q8_0>(),
        BlockFormat.Of<Q2_K>(),
        BlockFormat.Of<Q3_K>(),
        BlockFormat.Of<Q4_K>(),
        BlockFormat.Of<Q5_K>(),
        BlockFormat.Of<Q6_K>(),
        BlockFormat.Of<IQ1_S>(),
        BlockFormat.Of<IQ1_M>(),
        BlockFormat.Of<IQ2_XXS>(),
        BlockFormat.Of<IQ2_XS>(),
        BlockFormat.Of<IQ2_S>(),
        BlockFormat.Of<IQ3_XXS>(),
        BlockFormat.Of<IQ3_S>(),
        BlockFormat.Of<IQ4_NL>(),
        BlockFormat.Of<IQ4_XS>(),
        BlockFormat.Of<TQ1_0>(),
        BlockFormat.Of<TQ2_0>(),
        BlockFormat.Of<MXFP4>(),
    ];

    /// <summary>Finds a format by its GGUF id.</summary>
    public static bool TryGet(GgmlType type, [NotNullWhen(true)] out BlockFormat? format)
    {
        foreach (var candidate in All)
        {
            if (candidate.Type == type)
            {
                format = candidate;
                return true;
            }
        }

        format = null;
        return false;
    }

    /// <summary>Finds a format by its GGUF id.</summary>
    /// <exception cref="NotSupportedException">No such format in <see cref="All"/>.</exception>
    public static BlockFormat Get(GgmlType type) => TryGet(type, out var format)
        ? format
        : throw new NotSupportedException($"The weight format {type} is not supported. Supported: {string.Join(", ", All)}.");
}
