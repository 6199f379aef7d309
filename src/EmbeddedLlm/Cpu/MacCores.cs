using System.Runtime.InteropServices;

namespace EmbeddedLlm.Cpu;

/// <summary>Counts the physical cores of a Mac. Of two kinds, those built for speed: a team goes at the pace of its slowest member.</summary>
internal static partial class MacCores
{
    /// <summary>The cores; null if the system does not tell.</summary>
    public static int? Count() => Read("hw.perflevel0.physicalcpu") ?? Read("hw.physicalcpu");

    private static int? Read(string name)
    {
        nuint length = sizeof(int);
        return SysctlByName(name, out var value, ref length, 0, 0) == 0 && length == sizeof(int) ? value : null;
    }

    [LibraryImport("libc", EntryPoint = "sysctlbyname", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SysctlByName(string name, out int value, ref nuint length, nint newValue, nuint newLength);
}
