using System.Runtime.InteropServices;

namespace EmbeddedLlm.Cpu;

/// <summary>Native memory for vectors: aligned to a cache line, and where it is large to a large page. Its contents are not set.</summary>
internal sealed unsafe class AlignedMemory : IDisposable
{
    private const uint CacheLine = 64;
    private const uint LargePage = 2 << 20;

    /// <summary>Takes <paramref name="bytes"/> bytes.</summary>
    /// <exception cref="OutOfMemoryException">There is not enough memory.</exception>
    public AlignedMemory(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        Bytes = bytes;
        Start = (byte*)NativeMemory.AlignedAlloc(checked((nuint)bytes + CacheLine), bytes >= 4 * LargePage ? LargePage : CacheLine);
    }

    /// <summary>The first byte; null after <see cref="Dispose"/>.</summary>
    public byte* Start { get; private set; }

    /// <summary>How many bytes there are.</summary>
    public long Bytes { get; }

    /// <summary>Gives the memory back. Safe to call twice.</summary>
    public void Dispose()
    {
        NativeMemory.AlignedFree(Start);
        Start = null;
    }
}
