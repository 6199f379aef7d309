using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Embeddings;

/// <summary>How a model makes embeddings.</summary>
public sealed record EmbeddingOptions
{
    /// <summary>
    /// How the rows of a text become one vector. Default: what the file says. A decoder whose file says nothing writes text, unless this is set:
    /// usually to <see cref="Pooling.Last"/> or <see cref="Pooling.Mean"/>.
    /// </summary>
    public Pooling? Pooling { get; init; }

    /// <summary>Put before a text that searches (<see cref="EmbeddingOptionsExtensions.AsQuery"/>), such as <c>query: </c>. Default: nothing.</summary>
    public string? QueryPrefix { get; init; }

    /// <summary>Put before a text that is found (<see cref="EmbeddingOptionsExtensions.AsDocument"/>), such as <c>passage: </c>. Default: nothing.</summary>
    public string? DocumentPrefix { get; init; }

    /// <summary>
    /// Whether a text of more tokens than the context holds is cut at its end, which is logged and noted in its embedding. Otherwise it is refused
    /// with <see cref="ContextFullException"/>.
    /// </summary>
    public bool TruncatesLongTexts { get; init; }
}
