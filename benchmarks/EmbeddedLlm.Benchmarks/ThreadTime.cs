using System.Diagnostics;
using System.Runtime.InteropServices;

namespace EmbeddedLlm.Benchmarks;

/// <summary>The time that a processor spent on this thread, where Linux tells it, so that neighbours do not count; elsewhere the time of the wall.</summary>
internal static partial class ThreadTime
{
    // CLOCK_THREAD_CPUTIME_ID of time.h.
    private const int ThreadClock = 3;

    /// <summary>Microseconds since some moment.</summary>
    public static double Microseconds()
    {
        if (OperatingSystem.IsLinux() && Environment.Is64BitProcess && GetTime(ThreadClock, out var time) == 0)
            return time.Seconds * 1e6 + time.Nanoseconds / 1e3;
        return Stopwatch.GetElapsedTime(0).TotalMicroseconds;
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int GetTime(int clock, out TimeSpec time);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
