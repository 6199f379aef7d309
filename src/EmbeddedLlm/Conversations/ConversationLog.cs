using Microsoft.Extensions.Logging;

namespace EmbeddedLlm.Conversations;

/// <summary>The events of kept conversations. Ids are stable; docs/telemetry.md lists them.</summary>
internal static partial class ConversationLog
{
    [LoggerMessage(2035, LogLevel.Information, "A conversation of {Messages} messages was dropped for a newer one: it was the longest unused of {MaxCount}")]
    public static partial void Dropped(ILogger logger, int messages, int maxCount);

    [LoggerMessage(2036, LogLevel.Information, "A conversation of {Messages} messages was saved to {Path}, with what {Positions} tokens came to")]
    public static partial void Saved(ILogger logger, int messages, string path, int positions);

    [LoggerMessage(2037, LogLevel.Information, "A conversation of {Messages} messages was loaded from {Path}; {Positions} of its {Tokens} computed tokens are known")]
    public static partial void Loaded(ILogger logger, int messages, string path, int positions, int tokens);

    [LoggerMessage(2038, LogLevel.Warning, "Of the conversation in {Path} only the messages are taken, and are computed again: {Why}")]
    public static partial void OnlyMessages(ILogger logger, string path, string why);
}
