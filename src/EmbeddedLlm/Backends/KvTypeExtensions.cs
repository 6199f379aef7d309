using System.Diagnostics.CodeAnalysis;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Backends;

/// <summary>What number formats of the KV cache take.</summary>
public static class KvTypeExtensions
{
    private const int GroupLength = 32;

    /// <summary>Bytes of one position in one layer, without what a backend pads. In Q8_0 each head's key and value begin a group of their own.</summary>
    [Experimental("ELLM001")]
    public static long BytesPerPosition(this KvType type, KvLayer layer)
    {
        ArgumentNullException.ThrowIfNull(layer);
        return (Bytes(type, layer.HeadWidth) + Bytes(type, layer.ValueWidth)) * layer.Heads;
    }

    private static long Bytes(KvType type, int width) => type switch
    {
        KvType.F16 => 2L * width,
        KvType.Q8_0 => width + (width + GroupLength - 1L) / GroupLength * 2,
        _ => 4L * width,
    };
}
