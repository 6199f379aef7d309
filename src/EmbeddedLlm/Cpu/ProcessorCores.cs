namespace EmbeddedLlm.Cpu;

/// <summary>
/// How many physical cores this process may use. Two threads that multiply on one core take each other's time, so this many threads are the default.
/// </summary>
internal static class ProcessorCores
{
    /// <summary>
    /// Physical cores among the processors of the process's affinity, but no more than its CPU quota, rounded up. Where the system does not tell, the
    /// logical processors.
    /// </summary>
    public static int Count { get; } = AtMost(Environment.ProcessorCount, Find());

    /// <summary>The number of threads asked for; if it is 0, <see cref="Count"/>.</summary>
    public static int OrAll(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        return threads == 0 ? Count : threads;
    }

    /// <summary>As many as there are cores, if that is known and no more than the processors that the runtime counts.</summary>
    internal static int AtMost(int processors, int? cores) => cores is > 0 and var count && count < processors ? count : processors;

    private static int? Find() =>
        OperatingSystem.IsLinux() ? LinuxCores.Count("/proc/self/status", "/sys/devices/system/cpu")
        : OperatingSystem.IsWindows() ? WindowsCores.Count()
        : OperatingSystem.IsMacOS() ? MacCores.Count()
        : null;
}
