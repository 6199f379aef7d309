using EmbeddedLlm.Backends;
using EmbeddedLlm.Chat;
using EmbeddedLlm.Chat.Templates;
using EmbeddedLlm.Conversations;
using EmbeddedLlm.Engine;
using EmbeddedLlm.Sampling;
using EmbeddedLlm.Tokenization;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace EmbeddedLlm;

/// <summary>What a model is made of, wherever it came from: a runner that reads its own file needs no GGUF and no graph.</summary>
internal sealed record ModelParts
{
    /// <summary>Computes; the model disposes it.</summary>
    public required IModelRunner Runner { get; init; }

    /// <summary>Text to tokens and back.</summary>
    public required Tokenizer Tokenizer { get; init; }

    /// <summary>Messages to text.</summary>
    public required ChatTemplate Template { get; init; }

    /// <summary>Sizes that fit the runner, and the model's name.</summary>
    public required EngineOptions Sizes { get; init; }

    /// <summary>What makes it a model for embeddings or a reranker; null for one that writes text.</summary>
    public EmbeddingParts? Embedding { get; init; }

    /// <summary>Conversations that are kept; null for none.</summary>
    public ConversationOptions? Conversations { get; init; }

    /// <summary>Tells the model from others, see <see cref="Models.ModelFingerprint"/>; needed where conversations are kept.</summary>
    public ReadOnlyMemory<byte> Fingerprint { get; init; }

    /// <summary>The model that drafts; the model disposes it. Null for none.</summary>
    public DraftModel? DraftModel { get; init; }

    /// <summary>How tokens are chosen where a request does not say.</summary>
    public SamplingOptions Sampling { get; init; } = SamplingOptions.Default;

    /// <summary>The seed of requests that bring none.</summary>
    public long? Seed { get; init; }

    /// <summary>What becomes of requests that ask for what cannot be done.</summary>
    public UnsupportedOptionPolicy UnsupportedOptionPolicy { get; init; }

    /// <summary>The file that the runner reads from; the model disposes it last.</summary>
    public IDisposable? Weights { get; init; }

    /// <summary>Takes log events.</summary>
    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
