using EmbeddedLlm.Graph;
using Microsoft.Extensions.Logging;

namespace EmbeddedLlm.Embeddings;

/// <summary>What embedding models log. Event ids 2040 to 2059, each kept for ever.</summary>
internal static partial class EmbeddingLog
{
    [LoggerMessage(2040, LogLevel.Information, "The embedding engine of model {Model} started: pooling {Pooling}, {Width} dimensions, texts of up to {ContextLength} tokens, steps of {BatchTokens} rows and up to {MaxTexts} texts.")]
    public static partial void Started(ILogger logger, string model, Pooling pooling, int width, int contextLength, int batchTokens, int maxTexts);

    [LoggerMessage(2041, LogLevel.Information, "The embedding engine of model {Model} stopped; {Open} calls were open.")]
    public static partial void Stopped(ILogger logger, string model, int open);

    [LoggerMessage(2042, LogLevel.Error, "The backend failed in a step of {Rows} rows; its {Requests} calls fail.")]
    public static partial void StepFailed(ILogger logger, int rows, int requests, Exception failure);

    [LoggerMessage(2043, LogLevel.Warning, "{Count} of {Total} texts have more than {ContextLength} tokens and were cut.")]
    public static partial void Truncated(ILogger logger, int count, int total, int contextLength);

    [LoggerMessage(2044, LogLevel.Warning, "RawRepresentationFactory gave a {Type}, which this generator has no use for; it is ignored.")]
    public static partial void ForeignRepresentation(ILogger logger, Type type);

    [LoggerMessage(2045, LogLevel.Debug, "AdditionalProperties has the key {Key}, which is no setting of this generator.")]
    public static partial void ForeignKey(ILogger logger, string key);
}
