using System.Diagnostics.CodeAnalysis;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models;

/// <summary>Finds the family of a file and writes its forward pass down. Reads metadata and the tensor table, no weights.</summary>
[Experimental("ELLM001")]
public static class ModelLoader
{
    /// <summary>Families that can be loaded, by GGUF's names.</summary>
    public static IReadOnlyList<string> Families { get; } = [.. Architectures.All.SelectMany(architecture => architecture.Names).Order(StringComparer.Ordinal)];

    /// <summary>Understands <paramref name="file"/>, which must stay open as long as the graph is used.</summary>
    /// <param name="file">The model.</param>
    /// <param name="contextLength">
    /// The most positions of one request, if known: some models bring one set of frequencies for contexts up to their first training's and another for longer ones.
    /// Default: what the model was trained for.
    /// </param>
    /// <param name="pooling">
    /// For embeddings: what will be done with the hidden rows that the graph then gives in place of logits; <see cref="Pooling.Rank"/> for scores.
    /// Default: of an encoder what its file says, of others logits.
    /// </param>
    /// <exception cref="UnsupportedModelException">The family, a weight format or a variant is not supported; the message names it.</exception>
    /// <exception cref="ModelFormatException">Metadata or tensors are missing or do not fit together.</exception>
    public static LoadedGraph Load(GgufFile file, int? contextLength = null, Pooling? pooling = null)
    {
        ArgumentNullException.ThrowIfNull(file);
        var spec = Describe(file);
        return new LoadedGraph(spec, Build(file, spec, contextLength ?? spec.ContextLength, pooling));
    }

    /// <summary>The forward pass of a file that was described, see <see cref="Load"/>.</summary>
    internal static ModelGraph Build(GgufFile file, ModelSpec spec, int contextLength, Pooling? pooling)
    {
        try
        {
            var weights = new ModelWeights(file);
            var graph = Transformer.Build(spec, weights, contextLength, pooling ?? (spec.IsCausal ? null : spec.Pooling ?? Pooling.None));
            weights.RequireAllUsed();
            return graph;
        }
        catch (ArgumentException exception)
        {
            // The graph builder's checks, where two tensors are sound by themselves and do not fit each other.
            throw new ModelFormatException($"{file.Path}: {exception.Message}", exception);
        }
    }

    /// <summary>What <paramref name="file"/> is, without its forward pass.</summary>
    internal static ModelSpec Describe(GgufFile file)
    {
        var kind = file.Metadata.GetString("general.type", "model");
        if (kind != "model")
            throw new UnsupportedModelException($"{file.Path}: the file holds no model but '{kind}' (general.type).");

        var family = file.Metadata.GetString("general.architecture");
        if (!Architectures.TryGet(family, out var architecture))
            throw new UnsupportedModelException($"{file.Path}: the model family '{family}' is not supported. Supported: {string.Join(", ", Families)}. A later version may know it; docs/adding-a-model.md says how to add it.");

        var weights = new ModelWeights(file);
        var spec = architecture.Describe(new Hyperparameters(file, family)) with
        {
            VocabularySize = weights.RowsOf("token_embd"),
            PositionLimit = weights.Contains("position_embd") ? weights.RowsOf("position_embd") : null,
            ParameterCount = file.Tensors.Aggregate(0L, (sum, tensor) => sum > long.MaxValue - tensor.ElementCount ? long.MaxValue : sum + tensor.ElementCount),
        };
        RequireVocabulary(file, spec.VocabularySize);
        return spec;
    }

    private static void RequireVocabulary(GgufFile file, int rows)
    {
        const string Key = "tokenizer.ggml.tokens";
        if (file.Metadata.TryGet(Key, out var tokens) && tokens.Count != rows)
            throw new ModelFormatException($"{file.Path}: tensor 'token_embd.weight': expected a row for each of the {tokens.Count} entries of '{Key}', found {rows}.");
    }
}
