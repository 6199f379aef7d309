using EmbeddedLlm.Backends;
using EmbeddedLlm.Gguf;

namespace EmbeddedLlm;

/// <summary>
/// A runner whose weights stand in mapped files. To read behind the end of a file that another program has cut short ends the process, so no step
/// begins on one. What is cut while a step runs, no check can catch.
/// </summary>
/// <param name="inner">The runner; disposed with this one.</param>
/// <param name="file">What it reads from. It stays the caller's to dispose.</param>
internal sealed class MappedRunner(IModelRunner inner, GgufFile file) : IModelRunner
{
    /// <inheritdoc/>
    public int KvBlocks => inner.KvBlocks;

    /// <inheritdoc/>
    /// <exception cref="ModelFormatException">A file was cut short.</exception>
    public void Run(in Batch batch, Span<float> logits)
    {
        file.ThrowIfCut();
        inner.Run(batch, logits);
    }

    /// <inheritdoc/>
    public void CopyKvBlock(int from, int to) => inner.CopyKvBlock(from, to);

    /// <inheritdoc/>
    public string? KvLayout => inner.KvLayout;

    /// <inheritdoc/>
    public int KvBlockBytes => inner.KvBlockBytes;

    /// <inheritdoc/>
    public void ReadKvBlock(int block, int positions, Span<byte> bytes) => inner.ReadKvBlock(block, positions, bytes);

    /// <inheritdoc/>
    public void WriteKvBlock(int block, ReadOnlySpan<byte> bytes) => inner.WriteKvBlock(block, bytes);

    /// <inheritdoc/>
    public void CopyState(int from, int to) => inner.CopyState(from, to);

    /// <inheritdoc/>
    public void Dispose() => inner.Dispose();
}
