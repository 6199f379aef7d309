using System.Runtime.InteropServices;

namespace EmbeddedLlm.Cpu;

/// <summary>
/// Memory that all kernels of one runner share, since they run one after the other: packed activations and intermediate rows.
/// Kernels reserve when they are made and read <see cref="Pointer"/> when they run; what they leave there does not outlive the kernel.
/// </summary>
internal sealed unsafe class Workspace : IDisposable
{
    /// <summary>The memory, 64-byte aligned; moves when a later <see cref="Reserve"/> asks for more.</summary>
    public byte* Pointer { get; private set; }

    /// <summary>Bytes at <see cref="Pointer"/>.</summary>
    public long Bytes { get; private set; }

    /// <summary>Makes sure that at least <paramref name="bytes"/> are there. Not for use while kernels run.</summary>
    public void Reserve(long bytes)
    {
        if (bytes <= Bytes)
            return;
        NativeMemory.AlignedFree(Pointer);
        Pointer = null;
        Bytes = 0;
        Pointer = (byte*)NativeMemory.AlignedAlloc(checked((nuint)bytes), 64);
        Bytes = bytes;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        NativeMemory.AlignedFree(Pointer);
        Pointer = null;
        Bytes = 0;
    }
}
