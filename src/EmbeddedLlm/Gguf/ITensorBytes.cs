namespace EmbeddedLlm.Gguf;

/// <summary>Where the bytes of tensors stand: in a mapped file, or in memory that is made when it is needed.</summary>
internal interface ITensorBytes
{
    /// <summary>The file, for messages.</summary>
    string Path { get; }

    long Length { get; }

    ReadOnlySpan<byte> Slice(long offset, int length);

    /// <summary>Says that these bytes will not be read soon. They stay readable.</summary>
    void GiveBack(long offset, long length);
}
