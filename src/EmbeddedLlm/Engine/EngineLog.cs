using Microsoft.Extensions.Logging;

namespace EmbeddedLlm.Engine;

/// <summary>What an engine logs. Event ids 1000 to 1099, each kept for ever.</summary>
internal static partial class EngineLog
{
    [LoggerMessage(1000, LogLevel.Information, "The engine of model {Model} started: context {ContextLength} tokens, {KvBlocks} KV blocks of {KvBlockTokens} tokens, steps of up to {MaxBatchRows} rows, {MaxSequences} requests at a time.")]
    public static partial void Started(this ILogger logger, string model, int contextLength, int kvBlocks, int kvBlockTokens, int maxBatchRows, int maxSequences);

    [LoggerMessage(1001, LogLevel.Information, "The engine of model {Model} stopped; {Open} requests were open.")]
    public static partial void Stopped(this ILogger logger, string model, int open);

    [LoggerMessage(1002, LogLevel.Debug, "A request ended ({Reason}): prompt {PromptTokens} tokens, {CachedTokens} of them cached; generated {GeneratedTokens}.")]
    public static partial void Ended(this ILogger logger, StopReason reason, int promptTokens, int cachedTokens, int generatedTokens);

    [LoggerMessage(1003, LogLevel.Debug, "A request was given up by its caller: prompt {PromptTokens} tokens, generated {GeneratedTokens}.")]
    public static partial void Abandoned(this ILogger logger, int promptTokens, int generatedTokens);

    [LoggerMessage(1004, LogLevel.Information, "KV memory is short: a request of {Tokens} tokens gave its blocks to older ones and will be computed again.")]
    public static partial void Preempted(this ILogger logger, int tokens);

    [LoggerMessage(1005, LogLevel.Error, "The backend failed in a step of {Rows} rows; its {Requests} requests fail.")]
    public static partial void StepFailed(this ILogger logger, int rows, int requests, Exception failure);

    [LoggerMessage(1006, LogLevel.Error, "No token could be sampled; the request fails.")]
    public static partial void SamplingFailed(this ILogger logger, Exception failure);

    [LoggerMessage(1007, LogLevel.Critical, "The engine of model {Model} failed; its open requests fail, and it starts anew.")]
    public static partial void EngineFailed(this ILogger logger, string model, Exception failure);

    [LoggerMessage(1008, LogLevel.Error, "Drafting failed; the engine goes on without drafts, which is slower.")]
    public static partial void DraftingFailed(this ILogger logger, Exception failure);
}
