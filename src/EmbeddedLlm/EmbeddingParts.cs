using EmbeddedLlm.Backends;
using EmbeddedLlm.Embeddings;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Models;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm;

/// <summary>What makes a model one for embeddings, or a reranker, in place of chat.</summary>
/// <param name="Sizes">Sizes that fit the runner.</param>
/// <param name="Options">The prefixes, and what is done with long texts.</param>
/// <param name="PairFormat">How query and document become one text.</param>
internal sealed record EmbeddingParts(EmbeddingSizes Sizes, EmbeddingOptions Options, PairFormat PairFormat)
{
    /// <summary>How the rows of this file are to be pooled; null if it is to write text.</summary>
    /// <exception cref="ArgumentException">An encoder says nothing of it, and neither do the options.</exception>
    public static Pooling? PoolingOf(ModelSpec spec, LlmOptions options, string path)
    {
        var pooling = options.Embedding.Pooling ?? (spec.Pooling == Pooling.None ? null : spec.Pooling);
        if (pooling is null && !spec.IsCausal)
            throw new ArgumentException($"{path} is an encoder and does not say how its rows become an embedding ('{spec.Family}.pooling_type'). Set Embedding.Pooling: its makers say to what, often Mean or First.", nameof(options));
        return pooling;
    }

    /// <summary>The sizes of the runner and of the engine.</summary>
    /// <exception cref="ArgumentException">The context does not fit into the KV memory asked for.</exception>
    public static (RunnerOptions Runner, EmbeddingSizes Sizes) SizesOf(ModelGraph graph, ModelSpec spec, Pooling pooling, LlmOptions options, string modelId, long memoryBytes)
    {
        var positions = spec.PositionLimit ?? int.MaxValue;
        // A decoder may weigh yes against no.
        if (pooling == Pooling.Rank && graph.Logits.Width > (spec.IsCausal ? 2 : 1))
            throw new UnsupportedModelException($"{modelId} gives {graph.Logits.Width} scores for a pair of texts; rerankers with one, and decoders with two, yes and no, are supported.");
        var context = options.ContextLength ?? Math.Min(Math.Min(spec.ContextLength, LlmOptions.DefaultContextLength), positions);
        var sizes = new EmbeddingSizes
        {
            Model = modelId,
            ContextLength = context,
            Width = graph.Logits.Width,
            Pooling = pooling,
            RanksLast = spec.IsCausal,
            BatchTokens = options.BatchTokens,
            MaxTexts = options.MaxConcurrentSequences,
            MaxRequests = (int)Math.Min(int.MaxValue, (options.MaxQueuedRequests ?? int.MaxValue) + (long)options.MaxConcurrentSequences),
        };

        // Nothing is kept from step to step: blocks for one step are enough. Without a past there is nothing to save by rounding either.
        var kvType = graph.NeedsWholeTexts ? KvType.F32 : options.KvType;
        var rows = Math.Max(options.BatchTokens, context);
        var needed = BlocksOf(context);
        var blocks = (long)BlocksOf(rows) + sizes.MaxTexts;
        var blockBytes = Math.Max(1, graph.KvLayers.Sum(layer => kvType.BytesPerPosition(layer)) * sizes.KvBlockTokens);
        var most = Math.Min((options.KvCacheBytes ?? memoryBytes) / blockBytes, int.MaxValue);
        if (most < needed)
            throw new ArgumentException($"A text of {context} tokens needs {needed * blockBytes:N0} bytes of KV memory, there are {options.KvCacheBytes ?? memoryBytes:N0}. Lower ContextLength{(options.KvCacheBytes is null ? "" : " or raise KvCacheBytes")}.", nameof(options));
        var runner = new RunnerOptions
        {
            KvBlocks = (int)Math.Min(blocks, most),
            KvBlockTokens = sizes.KvBlockTokens,
            StateSlots = sizes.MaxTexts,
            KvType = kvType,
            MaxBatchRows = rows,
            MaxOutputRows = Math.Max(sizes.MaxTexts, sizes.OutputRowsOf(rows)),
            Threads = options.Threads,
            KeepWeightsInFile = options.KeepWeightsInFile,
        };
        return (runner, sizes);

        int BlocksOf(int count) => (int)((count + (long)sizes.KvBlockTokens - 1) / sizes.KvBlockTokens);
    }

    /// <summary>What the file says of pairs: a template, or whether one more token than the end of the query parts it from the document.</summary>
    /// <exception cref="ModelFormatException">The template has no place for one of them, or the token is outside the vocabulary.</exception>
    public static PairFormat PairFormatOf(GgufMetadata metadata, Tokenizer tokenizer)
    {
        const string Asks = "tokenizer.ggml.add_sep_token", Separator = "tokenizer.ggml.seperator_token_id"; // spelled so in GGUF
        const string Template = "tokenizer.chat_template.rerank";
        if (metadata.Contains(Template))
        {
            var text = metadata.GetString(Template);
            return new([], PairTemplate.TryParse(text) ?? throw metadata.Wrong(Template, "a text with {query} and {document}", text.Length > 80 ? text[..80] + "…" : text));
        }

        if (!metadata.Contains(Separator))
            return new([]);
        var separator = metadata.GetInt(Separator);
        if ((uint)separator >= (uint)tokenizer.VocabularySize)
            throw metadata.Wrong(Separator, $"a token below {tokenizer.VocabularySize}", $"{separator}");

        // WordPiece ends the first text with this token anyway.
        return new(metadata.GetBool(Asks, false) && metadata.GetString("tokenizer.ggml.model", null) != "bert" ? [separator] : []);
    }
}
