using System.Globalization;

namespace EmbeddedLlm.Cpu;

/// <summary>Counts the physical cores of a Linux machine that the process may run on, from the files of the kernel.</summary>
internal static class LinuxCores
{
    private const string AllowedKey = "Cpus_allowed_list:";

    // More processors than any kernel is built for; a larger number is no list of processors.
    private const int MostProcessors = 1 << 16;

    /// <summary>The cores; null if the files are not there or say something else.</summary>
    /// <param name="statusFile">The status of the process, which lists the processors that it may run on.</param>
    /// <param name="processors">The folder with one folder for each processor.</param>
    public static int? Count(string statusFile, string processors)
    {
        try
        {
            var line = File.ReadLines(statusFile).FirstOrDefault(line => line.StartsWith(AllowedKey, StringComparison.Ordinal));
            if (line is null || ParseList(line.AsSpan(AllowedKey.Length)) is not { } allowed)
                return null;

            // Processors of one core have the same list of siblings.
            return allowed.Select(processor => File.ReadAllText(Path.Combine(processors, $"cpu{processor}", "topology", "thread_siblings_list")).Trim()).Distinct().Count();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>The numbers of a list such as <c>0-3,8,10-11</c>; null if it is none.</summary>
    public static List<int>? ParseList(ReadOnlySpan<char> text)
    {
        var numbers = new List<int>();
        foreach (var range in text.Split(','))
        {
            var part = text[range].Trim();
            var dash = part.IndexOf('-');
            if (!TryParse(dash < 0 ? part : part[..dash], out var first) || !TryParse(part[(dash + 1)..], out var last) || last < first)
                return null;
            numbers.AddRange(Enumerable.Range(first, last - first + 1));
        }

        return numbers;
    }

    private static bool TryParse(ReadOnlySpan<char> text, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number < MostProcessors;
}
