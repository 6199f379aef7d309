using EmbeddedLlm.Backends;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm;

/// <summary>How long a context may be and how much KV memory is held for all of them.</summary>
/// <param name="ContextLength">Tokens of one request.</param>
/// <param name="Blocks">Blocks of KV memory.</param>
internal readonly record struct KvBudget(int ContextLength, int Blocks)
{
    /// <summary>Contexts that the default holds.</summary>
    private const int DefaultContexts = 4;

    /// <summary>The default takes at most this part of the memory.</summary>
    private const int DefaultMemoryPart = 4;

    /// <summary>Finds both from what was asked for, what the model was trained for, and the memory that the process may use.</summary>
    /// <exception cref="ArgumentException">The context does not fit into the KV memory asked for, or that into the memory that there is.</exception>
    public static KvBudget For(ModelGraph graph, int trainedContext, int blockTokens, LlmOptions options, long memoryBytes)
    {
        var blockBytes = graph.KvLayers.Sum(layer => options.KvType.BytesPerPosition(layer)) * blockTokens;
        blockBytes = Math.Max(blockBytes, 1);

        var context = options.ContextLength ?? Math.Min(trainedContext, LlmOptions.DefaultContextLength);
        if (options.KvCacheBytes is { } bytes && !graph.KvLayers.IsEmpty)
        {
            if (bytes > memoryBytes)
                throw new ArgumentException($"KvCacheBytes is {bytes}; this process may use {memoryBytes} bytes of memory. Lower KvCacheBytes.", nameof(options));
            var blocks = (int)Math.Min(bytes / blockBytes, int.MaxValue / blockTokens);
            if (blocks == 0 || (options.ContextLength is not null && blocks * blockTokens < context))
                throw new ArgumentException($"KvCacheBytes of {bytes} hold {blocks * blockTokens} tokens of this model ({blockBytes} bytes for each {blockTokens}), the context is {context}. Raise KvCacheBytes or lower ContextLength.", nameof(options));
            return new(Math.Min(context, blocks * blockTokens), blocks);
        }

        var one = ((long)context + blockTokens - 1) / blockTokens;
        if (one > memoryBytes / blockBytes || one > int.MaxValue / blockTokens)
            throw new ArgumentException($"A context of {context} tokens needs {(double)one * blockBytes:N0} bytes of KV memory, this process may use {memoryBytes:N0}. Lower ContextLength, or set KvType to {nameof(KvType.F16)} or {nameof(KvType.Q8_0)}.", nameof(options));
        var affordable = memoryBytes / DefaultMemoryPart / blockBytes;
        return new(context, (int)Math.Clamp(affordable, one, Math.Min(one * DefaultContexts, int.MaxValue / blockTokens)));
    }
}
