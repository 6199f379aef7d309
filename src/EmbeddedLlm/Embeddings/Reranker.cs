using Microsoft.Extensions.Logging;

namespace EmbeddedLlm.Embeddings;

/// <summary>Scores documents against a query with a model that reads both together.</summary>
internal sealed class Reranker(EmbeddingEngine engine, TextEncoder encoder, ILogger logger)
{
    /// <summary>The documents, best first; of equals the first given.</summary>
    public async Task<IReadOnlyList<RerankResult>> RankAsync(string query, IEnumerable<string> documents, CancellationToken cancellationToken)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        var pairs = new List<int[]>();
        var cuts = 0;
        foreach (var document in documents)
        {
            cancellationToken.ThrowIfCancellationRequested();
            pairs.Add(encoder.EncodePair(query, document ?? throw new ArgumentException($"Document {pairs.Count} is null.", nameof(documents)), pairs.Count, out var cut));
            cuts += cut > 0 ? 1 : 0;
        }

        if (cuts > 0)
            EmbeddingLog.Truncated(logger, cuts, pairs.Count, encoder.ContextLength);

        var scores = await engine.RunAsync(pairs, cancellationToken).ConfigureAwait(false);
        return [.. scores.Select((score, index) => new RerankResult(index, ScoreOf(score))).OrderByDescending(result => result.Score)];
    }

    // Of two numbers, for yes and for no: the probability of yes, their softmax.
    private static float ScoreOf(float[] scores) => scores is [var yes, var no] ? 1 / (1 + MathF.Exp(no - yes)) : scores[0];
}
