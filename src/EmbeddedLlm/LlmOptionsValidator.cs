using EmbeddedLlm.Backends;
using EmbeddedLlm.Chat;
using EmbeddedLlm.Embeddings;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Graph;
using Microsoft.Extensions.Options;

namespace EmbeddedLlm;

/// <summary>Says what is wrong with options, all of it at once.</summary>
internal sealed class LlmOptionsValidator : IValidateOptions<LlmOptions>
{
    /// <summary>Checks the options of a registered model, its file included.</summary>
    public ValidateOptionsResult Validate(string? name, LlmOptions options)
    {
        var failures = Failures(options).ToList();
        if (string.IsNullOrWhiteSpace(options.Path))
            failures.Insert(0, "Path is missing: the GGUF file or the folder to load.");
        else if (!Path.Exists(options.Path))
            failures.Insert(0, $"Path: there is no file '{options.Path}' (looked for at '{Path.GetFullPath(options.Path)}').");
        else if (WhyUnreadable(options.Path) is { } reason)
            failures.Insert(0, $"Path: {reason}");
        if (options.DraftModelPath is { } draft && !string.IsNullOrWhiteSpace(draft) && !Path.Exists(draft))
            failures.Add($"DraftModelPath: there is no file '{draft}' (looked for at '{Path.GetFullPath(draft)}').");

        return failures.Count == 0
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail(failures.Select(failure => $"Model '{name}': {failure}"));
    }

    /// <summary>Checks options for <see cref="LlmModel.Load"/>.</summary>
    /// <exception cref="ArgumentException">A value is out of range.</exception>
    public static void ThrowIfInvalid(LlmOptions options)
    {
        var failures = string.Join(' ', Failures(options));
        if (failures.Length > 0)
            throw new ArgumentException(failures, nameof(options));
    }

    // The header alone, of a folder its small files too: they say whether this is a model, and take no time beside the weights.
    private static string? WhyUnreadable(string path)
    {
        try
        {
            ModelFile.Open(path).Dispose();
            return null;
        }
        catch (Exception exception) when (exception is ModelFormatException or UnsupportedModelException or IOException)
        {
            return exception.Message;
        }
    }

    private static IEnumerable<string> Failures(LlmOptions options)
    {
        if (options.ContextLength is < 2)
            yield return $"ContextLength is {options.ContextLength}; it must be at least 2, one token to read and one to write.";
        if (options.KvCacheBytes is <= 0)
            yield return $"KvCacheBytes is {options.KvCacheBytes}; it must be above 0.";
        if (!Enum.IsDefined(options.KvType))
            yield return $"KvType is {options.KvType}; it must be one of {string.Join(", ", Enum.GetNames<KvType>())}.";
        if (options.MaxConcurrentSequences is <= 0 or > LlmOptions.MaxBatchTokens)
            yield return $"MaxConcurrentSequences is {options.MaxConcurrentSequences}; it must be 1 to {LlmOptions.MaxBatchTokens}.";
        if (options.MaxQueuedRequests is < 0)
            yield return $"MaxQueuedRequests is {options.MaxQueuedRequests}; it must be 0 or above.";
        if (options.BatchTokens is <= 0 or > LlmOptions.MaxBatchTokens)
            yield return $"BatchTokens is {options.BatchTokens}; it must be 1 to {LlmOptions.MaxBatchTokens}.";
        if (options.Threads is < 0 or > LlmOptions.MaxThreads)
            yield return $"Threads is {options.Threads}; it must be 0 (one per physical core) or up to {LlmOptions.MaxThreads}.";
        if (!Enum.IsDefined(options.Speculation))
            yield return $"Speculation is {options.Speculation}; it must be one of {string.Join(", ", Enum.GetNames<Speculation>())}.";
        if (!Enum.IsDefined(options.UnsupportedOptionPolicy))
            yield return $"UnsupportedOptionPolicy is {options.UnsupportedOptionPolicy}; it must be one of {string.Join(", ", Enum.GetNames<UnsupportedOptionPolicy>())}.";
        if (options.Embedding is null)
            yield return $"Embedding is null; it must be {nameof(EmbeddingOptions)}, whose values may be null.";
        if (options.Embedding?.Pooling is Pooling.None)
            yield return "Embedding.Pooling is None, which gives a row for each token; an embedding needs another one, or null for what the file says.";
        if (options.Embedding?.Pooling is { } pooling && !Enum.IsDefined(pooling))
            yield return $"Embedding.Pooling is {pooling}; it must be one of {string.Join(", ", Enum.GetNames<Pooling>())}.";
        if (options.Conversations is { MaxCount: < 1 })
            yield return $"Conversations.MaxCount is {options.Conversations.MaxCount}; it must be at least 1.";
        if (options.Conversations is { MaxMessages: < 2 })
            yield return $"Conversations.MaxMessages is {options.Conversations.MaxMessages}; it must be at least 2, a question and its answer.";
        if (options.DraftModelPath is { } path && string.IsNullOrWhiteSpace(path))
            yield return "DraftModelPath is empty; it must be a GGUF file or a folder, or null.";
        if (options is { Speculation: Speculation.Off, DraftModelPath: not null })
            yield return $"DraftModelPath is '{options.DraftModelPath}', but Speculation is Off; a draft model needs another value, or leave the path out.";
    }
}
