namespace EmbeddedLlm;

/// <summary>More requests wait for the model than its options allow; ask again later.</summary>
/// <param name="limit">Requests that may wait.</param>
public sealed class QueueFullException(int limit)
    : LlmException($"{limit} requests already wait for this model, which is its limit. Ask again later or raise MaxQueuedRequests.")
{
    /// <summary>Requests that may wait.</summary>
    public int Limit { get; } = limit;
}
