namespace EmbeddedLlm.Safetensors;

/// <summary>What a safetensors file may ask of its reader. Listed with reasons in docs/gguf-limits.md.</summary>
internal static class SafetensorsLimits
{
    /// <summary>That of the format's own reader.</summary>
    public const int HeaderBytes = 100_000_000;

    public const int Tensors = 1 << 15;
    public const int NameBytes = 1 << 10;

    /// <summary>Of all names in a file together.</summary>
    public const int AllNameBytes = 1 << 22;

    public const int Dimensions = 8;
    public const int Shards = 1024;
}
