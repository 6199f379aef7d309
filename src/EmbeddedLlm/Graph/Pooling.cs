namespace EmbeddedLlm.Graph;

/// <summary>How the hidden rows of a text become its embedding.</summary>
public enum Pooling
{
    /// <summary>Not at all: one row for each token.</summary>
    None,

    /// <summary>The mean of all rows.</summary>
    Mean,

    /// <summary>The first row, that of the token that begins a text.</summary>
    First,

    /// <summary>The last row.</summary>
    Last,

    /// <summary>The first row (the last in decoders) goes through the model's scoring head: a reranker.</summary>
    Rank,
}
