using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace EmbeddedLlm.Tests.Fuzzing;

/// <summary>
/// Runs a check over texts that get worse and worse: whatever it is given, it comes back, soon and without much memory, and throws nothing.
/// A case is named by its round, from which its text follows.
/// </summary>
internal static class FuzzRun
{
    private const double SuiteSeconds = 1.5;
    private const long AllowedBytes = 4L << 30;
    private const long AllowedGrowth = 256 << 20;

    // Rounds even where a busy machine leaves no time.
    private const int LeastRounds = 200;

    // Rounds before memory is compared with that of the end.
    private const int WarmRounds = 2000;

    /// <summary>Cases take milliseconds; this is for machines that are busy.</summary>
    private static readonly TimeSpan AllowedTime = TimeSpan.FromSeconds(60);

    /// <summary>The texts of a target that live in the repository, one in a line with \ as escape: one of each kind, and those that once went wrong.</summary>
    public static string[] Kept(string target) => [.. File.ReadLines(Golden.Repo("fuzz", $"{target}.txt")).Select(Regex.Unescape)];

    /// <summary>A text as <see cref="Kept"/> reads it.</summary>
    private static string Escape(string? text) =>
        string.Concat((text ?? "").Select(c => c == '\\' ? "\\\\" : c is >= ' ' and <= '~' ? c.ToString() : string.Create(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}")));

    /// <summary>Checks the kept texts, then damaged ones for as long as there is time.</summary>
    /// <param name="target">Names the kept texts.</param>
    /// <param name="damage">Makes the text of a round.</param>
    /// <param name="check">Tells whether the text was accepted; throws what must not be thrown.</param>
    public static void Over(string target, Func<Random, string> damage, Func<string, Random, bool> check)
    {
        var kept = Kept(target);
        var time = FuzzTime.OfRun(SuiteSeconds);
        var (round, accepted, since) = (0, 0, Stopwatch.GetTimestamp());
        var (slowest, largest, begin) = (TimeSpan.Zero, 0L, 0L);
        string? text = null;
        string? costliest = null;
        Exception? failure = null;
        var worker = new Thread(() =>
        {
            try
            {
                for (; round < kept.Length + LeastRounds || time.IsLeft; round++)
                {
                    var random = new Random(round);
                    text = round < kept.Length ? kept[round] : damage(random);
                    var bytes = GC.GetAllocatedBytesForCurrentThread();
                    Volatile.Write(ref since, Stopwatch.GetTimestamp());
                    accepted += check(text, random) ? 1 : 0;
                    var (taken, made) = (Stopwatch.GetElapsedTime(since), GC.GetAllocatedBytesForCurrentThread() - bytes);
                    slowest = taken > slowest ? taken : slowest;
                    (largest, costliest) = made > largest ? (made, text) : (largest, costliest);
                    Assert.True(made < AllowedBytes, $"{made} bytes were made.");
                    if (round == WarmRounds)
                        begin = GC.GetTotalMemory(forceFullCollection: true);
                }
            }
            catch (Exception exception)
            {
                failure = exception;
            }
        })
        { IsBackground = true };
        worker.Start();
        while (!worker.Join(TimeSpan.FromSeconds(1)))
            Assert.True(Stopwatch.GetElapsedTime(Volatile.Read(ref since)) < AllowedTime, $"Round {round} of {target} does not end:\n{Escape(text)}");

        Assert.True(failure is null, $"Round {round} of {target}: {failure}\n{Escape(text)}");
        var end = GC.GetTotalMemory(forceFullCollection: true);
        TestContext.Current.TestOutputHelper?.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{target}: {round} cases, {accepted} accepted, slowest {slowest.TotalMilliseconds:F0} ms, memory {begin} -> {end}, most bytes made {largest} by:\n{Escape(costliest)}"));
        Assert.True(begin == 0 || time.Elapsed < TimeSpan.FromMinutes(1) || end < begin + AllowedGrowth, $"Memory grew from {begin} to {end} bytes.");
        Assert.True(accepted > 0 && accepted < round, $"{accepted} of {round} texts were accepted.");
    }
}
