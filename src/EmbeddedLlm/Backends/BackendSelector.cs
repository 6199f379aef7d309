using EmbeddedLlm.Graph;
using Microsoft.Extensions.Logging;

namespace EmbeddedLlm.Backends;

/// <summary>Chooses the backend that runs a model: the one that was named, else the best offer.</summary>
internal static partial class BackendSelector
{
    /// <summary>Asks every backend (or the one called <paramref name="name"/>) and takes the highest rank; of equals the first.</summary>
    /// <exception cref="ArgumentException">No backend is called <paramref name="name"/>.</exception>
    /// <exception cref="UnsupportedModelException">No backend that was asked can run the graph; the message has each one's reason.</exception>
    public static IBackend Select(IReadOnlyList<IBackend> backends, ModelGraph graph, string? name, ILogger logger)
    {
        var asked = name is null ? backends : [.. backends.Where(backend => string.Equals(backend.Name, name, StringComparison.OrdinalIgnoreCase))];
        if (asked.Count == 0)
            throw new ArgumentException($"There is no backend '{name}'. Known: {string.Join(", ", backends.Select(backend => backend.Name))}.");

        IBackend? best = null;
        var bestOffer = default(BackendOffer);
        var reasons = new List<string>();
        foreach (var backend in asked)
        {
            var offer = Ask(backend, graph);
            if (!offer.CanRun)
            {
                LogDeclined(logger, backend.Name, offer.Reason);
                reasons.Add($"{backend.Name}: {offer.Reason}");
            }
            else if (best is null || offer.Rank > bestOffer.Rank)
            {
                (best, bestOffer) = (backend, offer);
            }
        }

        if (best is null)
            throw new UnsupportedModelException($"No backend can run this model. {string.Join(' ', reasons)}");

        LogSelected(logger, best.Name, bestOffer.Rank, bestOffer.Reason);
        return best;
    }

    // A driver that fails while it is asked must not keep the others from running the model.
    private static BackendOffer Ask(IBackend backend, ModelGraph graph)
    {
        try
        {
            return backend.Offer(graph);
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            return new BackendOffer(false, 0, $"it failed when asked: {exception.Message}");
        }
    }

    [LoggerMessage(2010, LogLevel.Information, "Backend {Backend} runs the model (rank {Rank}): {Reason}")]
    private static partial void LogSelected(ILogger logger, string backend, int rank, string reason);

    [LoggerMessage(2011, LogLevel.Warning, "Backend {Backend} declined the model: {Reason}")]
    private static partial void LogDeclined(ILogger logger, string backend, string reason);
}
