using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Embeddings;

/// <summary>The sizes of an embedding engine; those of its runner must match.</summary>
internal sealed record EmbeddingSizes
{
    /// <summary>The model's name.</summary>
    public required string Model { get; init; }

    /// <summary>The most tokens of one text; the runner takes so many in one batch.</summary>
    public required int ContextLength { get; init; }

    /// <summary>Numbers of a row of the runner's result.</summary>
    public required int Width { get; init; }

    /// <summary>How rows become a vector.</summary>
    public required Pooling Pooling { get; init; }

    /// <summary>Whether the row that <see cref="Pooling.Rank"/> scores is the last, as in decoders.</summary>
    public bool RanksLast { get; init; }

    /// <summary>Rows up to which texts are put together; one longer text goes alone.</summary>
    public required int BatchTokens { get; init; }

    /// <summary>The most texts of one batch.</summary>
    public required int MaxTexts { get; init; }

    /// <summary>The most calls that are open at the same time.</summary>
    public int MaxRequests { get; init; } = int.MaxValue;

    /// <summary>Positions in a KV block of the runner.</summary>
    public int KvBlockTokens { get; init; } = 32;

    /// <summary>Rows of the result that a text asks for.</summary>
    public int OutputRowsOf(int tokens) => Pooling == Pooling.Mean ? tokens : 1;
}
