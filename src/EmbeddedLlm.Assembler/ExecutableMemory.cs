using System.Runtime.InteropServices;

namespace EmbeddedLlm.Assembler;

/// <summary>
/// Pages of machine code: written first, then made executable and read-only; never both at once. They are kept as long as the process lives, since
/// pointers to the code are handed out and the code of a process is small.
/// </summary>
internal static unsafe partial class ExecutableMemory
{
    // sys/mman.h
    private const int ProtRead = 1, ProtWrite = 2, ProtExec = 4;
    private const int MapPrivate = 2;
    private static readonly int MapAnonymous = OperatingSystem.IsLinux() ? 0x20 : 0x1000;

    // winnt.h
    private const uint MemCommitReserve = 0x3000, MemRelease = 0x8000;
    private const uint PageReadWrite = 0x04, PageExecuteRead = 0x20;

    /// <summary>A copy of <paramref name="code"/> that can be called.</summary>
    /// <exception cref="NotSupportedException">The operating system refuses.</exception>
    public static nint Create(ReadOnlySpan<byte> code) => OperatingSystem.IsWindows() ? CreateOnWindows(code) : CreateOnUnix(code);

    private static nint CreateOnUnix(ReadOnlySpan<byte> code)
    {
        var length = (nuint)code.Length;
        var pages = MemoryMap(0, length, ProtRead | ProtWrite, MapPrivate | MapAnonymous, -1, 0);
        if (pages == -1)
            throw Refused("memory for machine code");
        code.CopyTo(new Span<byte>((void*)pages, code.Length));
        if (MemoryProtect(pages, length, ProtRead | ProtExec) == 0)
            return pages;

        var refused = Refused("to make memory executable");
        _ = MemoryUnmap(pages, length);
        throw refused;
    }

    private static nint CreateOnWindows(ReadOnlySpan<byte> code)
    {
        var length = (nuint)code.Length;
        var pages = VirtualAlloc(0, length, MemCommitReserve, PageReadWrite);
        if (pages == 0)
            throw Refused("memory for machine code");
        code.CopyTo(new Span<byte>((void*)pages, code.Length));
        if (VirtualProtect(pages, length, PageExecuteRead, out _) && FlushInstructionCache(GetCurrentProcess(), pages, length))
            return pages;

        var refused = Refused("to make memory executable");
        _ = VirtualFree(pages, 0, MemRelease);
        throw refused;
    }

    private static NotSupportedException Refused(string what) =>
        new($"The operating system refuses {what}: {Marshal.GetLastPInvokeErrorMessage()}.");

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint MemoryMap(nint address, nuint length, int protection, int flags, int file, long offset);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    private static partial int MemoryProtect(nint address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    private static partial int MemoryUnmap(nint address, nuint length);

    [LibraryImport("kernel32", SetLastError = true)]
    private static partial nint VirtualAlloc(nint address, nuint size, uint type, uint protection);

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool VirtualProtect(nint address, nuint size, uint protection, out uint before);

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool VirtualFree(nint address, nuint size, uint type);

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool FlushInstructionCache(nint process, nint address, nuint size);

    [LibraryImport("kernel32")]
    private static partial nint GetCurrentProcess();
}
