using System.Buffers;
using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace EmbeddedLlm.Gguf;

/// <summary>
/// A file mapped into memory, read-only. As <see cref="MemoryManager{T}"/> it shows the first 2 GB, where the header must be;
/// <see cref="Slice"/> reaches all of it.
/// </summary>
internal sealed unsafe partial class GgufMapping : MemoryManager<byte>, ITensorBytes
{
    private readonly MemoryMappedFile? _file;
    private readonly MemoryMappedViewAccessor? _view;
    private readonly SafeFileHandle? _handle;
    private byte* _start;
    private bool _disposed;

    public GgufMapping(string path)
    {
        if (!BitConverter.IsLittleEndian)
            throw new PlatformNotSupportedException("GGUF files are read in place, which needs a little-endian machine.");

        Path = System.IO.Path.GetFullPath(path);
        if (Directory.Exists(Path))
            throw new IOException($"'{Path}' is a folder; a model is a file.");

        // An empty file cannot be mapped, and to open a pipe, which has no length either, would wait for a writer. The reader says what is missing.
        Length = new FileInfo(File.ResolveLinkTarget(Path, returnFinalTarget: true)?.FullName ?? Path).Length;
        if (Length == 0)
            return;

        var stream = Open(Path);
        Length = stream.Length;
        try
        {
            _file = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
            _view = _file.CreateViewAccessor(0, Length, MemoryMappedFileAccess.Read);
        }
        catch (Exception exception)
        {
            _file?.Dispose();
            stream.Dispose();
            throw new IOException($"'{Path}' cannot be mapped, which takes {Length:N0} bytes of this process's addresses: {exception.Message}", exception);
        }

        _handle = stream.SafeFileHandle;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
        _start += _view.PointerOffset;
    }

    public string Path { get; }

    public long Length { get; }

    public ReadOnlySpan<byte> Slice(long offset, int length)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length - length);
        return new ReadOnlySpan<byte>(_start + offset, length);
    }

    /// <summary>For who is about to read much: behind the new end of a file that was cut short, reading ends the process.</summary>
    /// <exception cref="ModelFormatException">The file is shorter than it was when it was opened.</exception>
    public void ThrowIfCut()
    {
        if (_handle is not null && RandomAccess.GetLength(_handle) is var length && length < Length)
            throw new ModelFormatException($"{Path}: another program cut the file short while it was in use: expected {Length} bytes, found {length}. Load the model again, and replace files by renaming.");
    }

    /// <summary>Lets the system take back the memory of whole pages in this range. Elsewhere than on Linux it decides by itself.</summary>
    public void GiveBack(long offset, long length)
    {
        if (!OperatingSystem.IsLinux() || _disposed)
            return;
        var page = Environment.SystemPageSize;
        var first = ((nuint)(_start + offset) + (nuint)page - 1) / (nuint)page * (nuint)page;
        var last = (nuint)(_start + offset + length) / (nuint)page * (nuint)page;
        if (first < last)
            _ = Advise((void*)first, last - first, DontNeed); // a hint: it may be refused
    }

    public override Span<byte> GetSpan()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return new Span<byte>(_start, (int)Math.Min(Length, int.MaxValue));
    }

    public override MemoryHandle Pin(int elementIndex = 0)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)elementIndex, (uint)GetSpan().Length);
        return new MemoryHandle(_start + elementIndex);
    }

    public override void Unpin()
    {
    }

    public void Dispose() => ((IDisposable)this).Dispose();

    private const int DontNeed = 4; // MADV_DONTNEED: of a read-only mapping of a file nothing is lost

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* start, nuint length, int advice);

    private static FileStream Open(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new IOException(exception.Message, exception);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (_disposed)
            return;
        _disposed = true;
        if (_start != null)
            _view!.SafeMemoryMappedViewHandle.ReleasePointer();
        _start = null;
        _view?.Dispose();
        _file?.Dispose();
    }
}
