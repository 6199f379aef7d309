using System.Globalization;
using System.Numerics.Tensors;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;

namespace EmbeddedLlm.Embeddings;

/// <summary>
/// The embedding generator of a loaded model. Stateless and safe for concurrent use; disposing it does nothing, as the model may have other users.
/// </summary>
/// <param name="engine">Tokens to vectors.</param>
/// <param name="encoder">Texts to tokens.</param>
/// <param name="options">The prefixes.</param>
/// <param name="time">Dates embeddings.</param>
/// <param name="logger">Takes events.</param>
/// <param name="services">What <see cref="GetService"/> gives beside metadata and the generator itself.</param>
internal sealed class EmbeddedEmbeddingGenerator(
    EmbeddingEngine engine, TextEncoder encoder, EmbeddingOptions options, TimeProvider time, ILogger logger, IReadOnlyList<object> services)
    : IEmbeddingGenerator<string, Embedding<float>>
{
    /// <summary>The provider's name in metadata and traces.</summary>
    public const string ProviderName = "embeddedllm";

    private readonly EmbeddingGeneratorMetadata _metadata = new(ProviderName, providerUri: null, engine.Sizes.Model, engine.Sizes.Width);

    private string ModelId => engine.Sizes.Model;

    public async Task<GeneratedEmbeddings<Embedding<float>>> GenerateAsync(
        IEnumerable<string> values, EmbeddingGenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(values);

        // Tokenizers compute for a while with many texts: not on the caller's (perhaps a window's) thread.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        cancellationToken.ThrowIfCancellationRequested();
        var dimensions = Dimensions(options);
        var prefix = Prefix(options);

        var texts = new List<int[]>();
        var cuts = new List<int>();
        foreach (var value in values)
        {
            cancellationToken.ThrowIfCancellationRequested();
            texts.Add(encoder.Encode(prefix + (value ?? throw new ArgumentException($"Text {texts.Count} is null.", nameof(values))), texts.Count, out var cut));
            cuts.Add(cut);
        }

        if (cuts.Count(cut => cut > 0) is > 0 and var count)
            EmbeddingLog.Truncated(logger, count, cuts.Count, encoder.ContextLength);

        var vectors = await engine.RunAsync(texts, cancellationToken).ConfigureAwait(false);
        var created = time.GetUtcNow();
        var tokens = texts.Sum(text => (long)text.Length);
        return new(vectors.Zip(cuts, (vector, cut) => new Embedding<float>(Normalize(vector, dimensions))
        {
            ModelId = ModelId,
            CreatedAt = created,
            AdditionalProperties = cut == 0 ? null : new() { [EmbeddingOptionsExtensions.TruncatedTokensKey] = cut },
        }))
        {
            Usage = new() { InputTokenCount = tokens, TotalTokenCount = tokens },
        };
    }

    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null
            : serviceType == typeof(EmbeddingGeneratorMetadata) ? _metadata
            : serviceType.IsInstanceOfType(this) ? this
            : services.FirstOrDefault(serviceType.IsInstanceOfType);
    }

    public void Dispose()
    {
    }

    // What cannot be honoured is refused, never dropped.
    private int Dimensions(EmbeddingGenerationOptions? options)
    {
        if (options?.ModelId is { } asked && asked != ModelId)
            throw new InvalidOperationException($"There is no model '{asked}' here. Known: '{ModelId}'.");
        if (options?.RawRepresentationFactory?.Invoke(this) is { } other)
            EmbeddingLog.ForeignRepresentation(logger, other.GetType());
        foreach (var key in options?.AdditionalProperties?.Keys ?? [])
        {
            if (key != EmbeddingOptionsExtensions.InputTypeKey)
                EmbeddingLog.ForeignKey(logger, key);
        }

        var width = engine.Sizes.Width;
        if (options?.Dimensions is < 1 || options?.Dimensions > width)
            throw new ArgumentOutOfRangeException(nameof(options), options.Dimensions, string.Create(CultureInfo.InvariantCulture, $"Dimensions must be 1 to {width}, the width of this model."));
        return options?.Dimensions ?? width;
    }

    private string? Prefix(EmbeddingGenerationOptions? call)
    {
        object? type = null;
        _ = call?.AdditionalProperties?.TryGetValue(EmbeddingOptionsExtensions.InputTypeKey, out type);
        return type?.ToString() switch
        {
            null => null,
            EmbeddingOptionsExtensions.Query => options.QueryPrefix,
            EmbeddingOptionsExtensions.Document => options.DocumentPrefix,
            var other => throw new ArgumentException($"'{EmbeddingOptionsExtensions.InputTypeKey}' must be '{EmbeddingOptionsExtensions.Query}' or '{EmbeddingOptionsExtensions.Document}'; it is '{other}'.", nameof(call)),
        };
    }

    // The first numbers of a vector, of length 1 (Kusupati et al. 2022, "Matryoshka Representation Learning"). A vector of zeros stays.
    private static ReadOnlyMemory<float> Normalize(float[] vector, int dimensions)
    {
        var part = vector.AsSpan(0, dimensions);
        var length = TensorPrimitives.Norm<float>(part);
        if (length > 0)
            TensorPrimitives.Divide(part, length, part);
        return vector.AsMemory(0, dimensions);
    }
}
