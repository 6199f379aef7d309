namespace EmbeddedLlm.Gguf;

/// <summary>What a GGUF file may ask of its reader. Listed with reasons in docs/gguf-limits.md.</summary>
internal static class GgufLimits
{
    public const int MetadataKeys = 1 << 15;
    public const int KeyBytes = (1 << 16) - 1;

    /// <summary>Of all keys together: as strings they take twice the bytes that they have in the file.</summary>
    public const int AllKeyBytes = 1 << 20;
    public const int ArrayDepth = 4;
    public const int Alignment = 1 << 20;
    public const int Tensors = 1 << 15;

    /// <summary>ggml keeps names in 64 bytes, the last of them zero.</summary>
    public const int TensorNameBytes = 63;
    public const int Dimensions = 4;
    public const long FileBytes = 1L << 61;
    public const int Shards = 1024;
}
