using System.Diagnostics;
using System.Globalization;

namespace EmbeddedLlm.Tests.Fuzzing;

/// <summary>How long a random test goes on: the minutes of the variable EMBEDDEDLLM_FUZZ_MINUTES, else as long as the suite can wait.</summary>
internal sealed class FuzzTime(TimeSpan limit)
{
    private readonly long _start = Stopwatch.GetTimestamp();

    public TimeSpan Elapsed => Stopwatch.GetElapsedTime(_start);

    public bool IsLeft => Elapsed < limit;

    /// <summary>The time of one test, from now on.</summary>
    /// <param name="suiteSeconds">How long it may take where no minutes are asked for.</param>
    public static FuzzTime OfRun(double suiteSeconds = 0)
    {
        var minutes = Environment.GetEnvironmentVariable("EMBEDDEDLLM_FUZZ_MINUTES");
        return new(minutes is null ? TimeSpan.FromSeconds(suiteSeconds) : TimeSpan.FromMinutes(double.Parse(minutes, CultureInfo.InvariantCulture)));
    }
}
