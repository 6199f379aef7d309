using EmbeddedLlm.Backends;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Testing;

/// <summary>
/// How far a backend may be from the reference: root mean square of the difference over root mean square of the reference.
/// A single number may be off by <see cref="Peak"/> times as much.
/// </summary>
internal static class ConformanceBounds
{
    /// <summary>Float arithmetic in another order.</summary>
    public const double Float = 1e-5;

    /// <summary>The largest single difference, in bounds.</summary>
    public const double Peak = 10;

    /// <summary>A product with weights of this format. Backends may round the activations to about the precision of the weights.</summary>
    public static double Of(BlockFormat format) => format.Type switch
    {
        GgmlType.F32 => Float,
        GgmlType.F16 => 1e-3,       // activations as 16-bit floats: 2⁻¹¹ each
        GgmlType.BF16 => 5e-3,      // activations as brain floats: 2⁻⁸ each
        _ => 1.2e-2,                // activations as 8-bit integers with one scale for 32 … 256: about 3σ / 127 / √12 each
    };

    /// <summary>A step that reads the cache: a key or value near the middle of two numbers of the cache may fall to the other side.</summary>
    public static double Of(KvType type) => type switch
    {
        KvType.F32 => Float,
        KvType.F16 => 2e-4,
        _ => 1e-3,
    };
}
