using System.Collections.Concurrent;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;

namespace EmbeddedLlm.Chat;

/// <summary>Says of options that they are not honoured: those that change the answer as the policy wants it, others in the log.</summary>
/// <param name="policy">What the model's options say.</param>
/// <param name="logger">Takes events.</param>
internal sealed partial class UnsupportedOptions(UnsupportedOptionPolicy policy, ILogger logger)
{
    private const int MaxKeys = 100;            // a server may pass on keys of strangers

    private readonly ConcurrentDictionary<string, bool> _keys = new(StringComparer.Ordinal);

    /// <summary>Whether requests go on without what cannot be honoured.</summary>
    public bool GoesOn => policy == UnsupportedOptionPolicy.Log;

    /// <summary>Refuses an option. Where this returns, the request goes on without it.</summary>
    /// <param name="why">What is asked for, and that it cannot be; a sentence.</param>
    /// <exception cref="NotSupportedException">The policy is <see cref="UnsupportedOptionPolicy.Throw"/>.</exception>
    public void Refuse(string why)
    {
        if (!GoesOn)
            throw new NotSupportedException(why);
        LogRefused(logger, why);
    }

    /// <summary>Notes the options that every client may pass over which does not know them.</summary>
    public void PassOver(ChatOptions options)
    {
        if (options.ToolMode is not NoneChatToolMode)
        {
            foreach (var tool in options.Tools ?? [])
            {
                if (tool is not AIFunctionDeclaration)
                    LogForeignTool(logger, tool?.GetType());
            }
        }

        if (options.ContinuationToken is not null)
            LogContinuationToken(logger);
        if (options.AllowBackgroundResponses == true)
            LogBackgroundResponses(logger);
    }

    /// <summary>Notes a key of the additional properties that is no setting here; it may be meant for somebody else.</summary>
    public void PassOver(string key) =>
        LogForeignKey(logger, _keys.Count < MaxKeys && _keys.TryAdd(key, true) ? LogLevel.Warning : LogLevel.Debug, key);

    [LoggerMessage(EventId = 2022, Message = "AdditionalProperties has the key {Key}, which is no setting of this client.")]
    private static partial void LogForeignKey(ILogger logger, LogLevel level, string key);

    [LoggerMessage(2030, LogLevel.Warning, "An option is ignored, as UnsupportedOptionPolicy asks: {Why}")]
    private static partial void LogRefused(ILogger logger, string why);

    [LoggerMessage(2031, LogLevel.Warning, "Tools has a {Type}, which is no function; it is not offered to the model.")]
    private static partial void LogForeignTool(ILogger logger, Type? type);

    [LoggerMessage(2032, LogLevel.Warning, "ContinuationToken is set, but no answer is made in the background; the messages are answered anew.")]
    private static partial void LogContinuationToken(ILogger logger);

    [LoggerMessage(2033, LogLevel.Debug, "AllowBackgroundResponses is set; answers are not made in the background.")]
    private static partial void LogBackgroundResponses(ILogger logger);
}
