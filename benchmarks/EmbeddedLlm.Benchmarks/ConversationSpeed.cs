using System.Diagnostics;
using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Benchmarks;

/// <summary>A conversation saved and restored, beside computing it again; in turn, with another text each time.</summary>
internal static class ConversationSpeed
{
    /// <summary>Prints a line for each round: tokens, seconds to compute them, to save and to restore them, and the size of the file.</summary>
    public static async Task PrintAsync(string path, int threads, int words, int rounds)
    {
        var file = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.conversation");
        using var model = LlmModel.Load(path, new() { Conversations = new(), Threads = threads, ContextLength = 8192 });
        var (chat, conversations) = (model.AsIChatClient(), model.Conversations!);
        Console.WriteLine("| tokens | file, MB | compute, s | save, s | restore, s | compute / restore | cached in the next turn |");
        Console.WriteLine("|---|---|---|---|---|---|---|");
        try
        {
            for (var round = 0; round < rounds; round++)
            {
                var id = conversations.Create();
                var text = $"{round} " + string.Join(' ', Enumerable.Range(0, words).Select(i => $"word{(i * 37 + round) % 1000}"));
                var (first, compute) = await TimeAsync(() => chat.GetResponseAsync(text, new() { ConversationId = id, MaxOutputTokens = 2, Temperature = 0 })).ConfigureAwait(false);
                var (_, save) = await TimeAsync(async () =>
                {
                    await conversations.SaveAsync(id, file).ConfigureAwait(false);
                    return 0;
                }).ConfigureAwait(false);
                var (restored, restore) = await TimeAsync(() => conversations.LoadAsync(file)).ConfigureAwait(false);
                var next = await chat.GetResponseAsync("Why?", new ChatOptions { ConversationId = restored, MaxOutputTokens = 1, Temperature = 0 }).ConfigureAwait(false);
                Console.WriteLine(
                    $"| {first.Usage!.InputTokenCount} | {new FileInfo(file).Length / 1e6:F1} | {compute:F2} | {save:F2} | {restore:F2} | {compute / restore:F0} | "
                    + $"{next.Usage!.CachedInputTokenCount} of {next.Usage.InputTokenCount} |");
            }
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static async Task<(T Result, double Seconds)> TimeAsync<T>(Func<Task<T>> work)
    {
        var start = Stopwatch.GetTimestamp();
        var result = await work().ConfigureAwait(false);
        return (result, Stopwatch.GetElapsedTime(start).TotalSeconds);
    }
}
