using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Embeddings;

/// <summary>Settings for which <see cref="EmbeddingGenerationOptions"/> has no property. They travel in its <c>AdditionalProperties</c> under the key given here.</summary>
public static class EmbeddingOptionsExtensions
{
    /// <summary>Key of what the texts are for: <see cref="Query"/> or <see cref="Document"/>.</summary>
    public const string InputTypeKey = "input_type";

    /// <summary>Texts that search; they get <see cref="EmbeddingOptions.QueryPrefix"/>.</summary>
    public const string Query = "query";

    /// <summary>Texts that are found; they get <see cref="EmbeddingOptions.DocumentPrefix"/>.</summary>
    public const string Document = "document";

    /// <summary>Key in <c>Embedding.AdditionalProperties</c>: how many tokens of a text were cut off. Not there if none was.</summary>
    public const string TruncatedTokensKey = "truncated_tokens";

    /// <summary>Says that the texts search.</summary>
    public static EmbeddingGenerationOptions AsQuery(this EmbeddingGenerationOptions options) => options.With(Query);

    /// <summary>Says that the texts are found.</summary>
    public static EmbeddingGenerationOptions AsDocument(this EmbeddingGenerationOptions options) => options.With(Document);

    private static EmbeddingGenerationOptions With(this EmbeddingGenerationOptions options, string inputType)
    {
        ArgumentNullException.ThrowIfNull(options);
        (options.AdditionalProperties ??= [])[InputTypeKey] = inputType;
        return options;
    }
}
