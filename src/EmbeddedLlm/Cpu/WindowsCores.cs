using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace EmbeddedLlm.Cpu;

/// <summary>Counts the physical cores of a Windows machine that the process may run on.</summary>
internal static unsafe partial class WindowsCores
{
    private const int ProcessorCore = 0;        // RelationProcessorCore

    /// <summary>The cores; null if the system does not tell.</summary>
    public static int? Count()
    {
        var length = 0u;
        GetLogicalProcessorInformationEx(ProcessorCore, null, ref length);
        var records = new byte[length];
        fixed (byte* buffer = records)
        {
            if (length == 0 || !GetLogicalProcessorInformationEx(ProcessorCore, buffer, ref length))
                return null;
        }

        // A process with threads in several groups has no affinity, and gets 0 for it.
        return GetProcessAffinityMask(GetCurrentProcess(), out var affinity, out _)
            ? Count(records.AsSpan(0, (int)length), affinity == 0 ? ulong.MaxValue : affinity)
            : null;
    }

    /// <summary>Counts the records that have a processor within the affinity; null if they are damaged.</summary>
    /// <param name="records">
    /// One after the other, of the layout SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX with PROCESSOR_RELATIONSHIP:
    /// kind (4 bytes), size of the record (4), flags, class, 20 unused, number of groups (2), then for each its mask (8), its number (2), 6 unused.
    /// </param>
    /// <param name="affinity">The processors that the process may use, of its group.</param>
    internal static int? Count(ReadOnlySpan<byte> records, ulong affinity)
    {
        const int GroupCountAt = 30, MaskAt = 32, GroupBytes = 16;
        var cores = 0;
        while (!records.IsEmpty)
        {
            if (records.Length < MaskAt)
                return null;
            var size = BinaryPrimitives.ReadInt32LittleEndian(records[4..]);
            var groups = BinaryPrimitives.ReadUInt16LittleEndian(records[GroupCountAt..]);
            if (size < MaskAt + groups * GroupBytes || size > records.Length)
                return null;

            var isAllowed = false;
            for (var group = 0; group < groups; group++)
                isAllowed |= (BinaryPrimitives.ReadUInt64LittleEndian(records[(MaskAt + group * GroupBytes)..]) & affinity) != 0;
            cores += isAllowed ? 1 : 0;
            records = records[size..];
        }

        return cores;
    }

    [LibraryImport("kernel32", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool GetLogicalProcessorInformationEx(int relationship, byte* buffer, ref uint length);

    [LibraryImport("kernel32", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool GetProcessAffinityMask(nint process, out nuint affinity, out nuint system);

    [LibraryImport("kernel32")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static partial nint GetCurrentProcess();
}
