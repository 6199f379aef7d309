using Microsoft.Extensions.Logging;

namespace EmbeddedLlm;

/// <summary>The events of loading and unloading. Ids are stable; docs/telemetry.md lists them.</summary>
internal static partial class LlmLog
{
    [LoggerMessage(2000, LogLevel.Information, "Loaded {Model} on {Backend} in {Seconds:F2} s: {Description}; context {ContextLength} tokens, KV cache {KvTokens} tokens")]
    public static partial void Loaded(ILogger logger, string model, string backend, double seconds, string description, int contextLength, int kvTokens);

    [LoggerMessage(2002, LogLevel.Information, "Unloaded {Model}")]
    public static partial void Unloaded(ILogger logger, string model);

    [LoggerMessage(2003, LogLevel.Error, "Loading {Path} failed")]
    public static partial void LoadFailed(ILogger logger, Exception exception, string path);

    [LoggerMessage(2004, LogLevel.Warning, "{Path} recommends general.sampling.{Key} = {Value}, which cannot be; it is left out")]
    public static partial void OddRecommendation(ILogger logger, string path, string key, object value);

    [LoggerMessage(2005, LogLevel.Warning, "{Model} gets a context of {ContextLength} tokens, it was trained for {TrainedLength}: far back in a long text it may lose its way")]
    public static partial void LongContext(ILogger logger, string model, int contextLength, int trainedLength);

    [LoggerMessage(2007, LogLevel.Information, "{Path} drafts for {Model}: {Description}; context {ContextLength} tokens, KV cache {KvTokens} tokens")]
    public static partial void DraftModelLoaded(ILogger logger, string path, string model, string description, int contextLength, int kvTokens);

    [LoggerMessage(2009, LogLevel.Warning, "{Model} keeps a state for each request, and memory holds those of {Sequences} at a time: fewer than the {Asked} of MaxConcurrentSequences; others wait")]
    public static partial void FewerSequences(ILogger logger, string model, int asked, int sequences);

    [LoggerMessage(2006, LogLevel.Warning, "{Path} does not say how its tokenizer splits words (tokenizer.ggml.pre); the pre-tokenizer '{PreTokenizer}' is used, with which answers may be worse")]
    public static partial void PreTokenizerFallback(ILogger logger, string path, string preTokenizer);
}
