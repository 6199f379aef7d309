using EmbeddedLlm.Chat.Templates;
using Microsoft.Extensions.Logging;

namespace EmbeddedLlm;

/// <summary>The events of loading and unloading. Ids are stable; docs/telemetry.md lists them.</summary>
internal static partial class LlmLog
{
    [LoggerMessage(2000, LogLevel.Information, "Loaded {Model} on {Backend} in {Seconds:F2} s: {Description}; context {ContextLength} tokens, KV cache {KvTokens} tokens")]
    public static partial void Loaded(ILogger logger, string model, string backend, double seconds, string description, int contextLength, int kvTokens);

    [LoggerMessage(2001, LogLevel.Warning, "{Model} brings no chat template; messages are written as {Format}")]
    public static partial void TemplateFallback(ILogger logger, string model, ChatTemplateKind format);

    [LoggerMessage(2002, LogLevel.Information, "Unloaded {Model}")]
    public static partial void Unloaded(ILogger logger, string model);

    [LoggerMessage(2003, LogLevel.Error, "Loading {Path} failed")]
    public static partial void LoadFailed(ILogger logger, Exception exception, string path);

    [LoggerMessage(2004, LogLevel.Warning, "{Path} recommends mirostat {Version}, of which only version 2 is known; it is left out")]
    public static partial void UnknownMirostat(ILogger logger, string path, int version);

    [LoggerMessage(2005, LogLevel.Warning, "{Path} does not say how its tokenizer splits words (tokenizer.ggml.pre); the pre-tokenizer '{PreTokenizer}' is used, with which answers may be worse")]
    public static partial void PreTokenizerFallback(ILogger logger, string path, string preTokenizer);
}
