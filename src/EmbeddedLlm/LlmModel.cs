using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Text;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Chat;
using EmbeddedLlm.Chat.Constraints;
using EmbeddedLlm.Chat.Templates;
using EmbeddedLlm.Conversations;
using EmbeddedLlm.Embeddings;
using EmbeddedLlm.Engine;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Sampling;
using EmbeddedLlm.Tokenization;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;

namespace EmbeddedLlm;

/// <summary>
/// A loaded model: the one door to chat and completion, or to embeddings or ranking where it is made for that. Safe for concurrent use: the requests of all callers are computed together.
/// Disposing it ends requests that still run with <see cref="ObjectDisposedException"/>; memory is freed after the last step has stopped.
/// </summary>
public sealed class LlmModel : IDisposable, IAsyncDisposable
{
    private readonly IModelRunner _runner;
    private readonly IDisposable? _weights;
    private readonly DraftModel? _draftModel;
    private readonly InferenceEngine? _engine;              // of a model that writes text, with the next two
    private readonly TextGenerator? _generator;
    private readonly EmbeddedChatClient? _chat;
    private readonly EmbeddingEngine? _embeddingEngine;     // of one for embeddings or ranking, with one of the next two
    private readonly EmbeddedEmbeddingGenerator? _embeddings;
    private readonly Reranker? _reranker;
    private readonly ILogger _logger;
    private readonly Lock _disposal = new();
    private bool _disposed;

    /// <summary>A model from its parts. Engines are made last of what may fail: nobody else ends their threads.</summary>
    internal LlmModel(ModelParts parts)
    {
        _runner = parts.Runner;
        _weights = parts.Weights;
        _draftModel = parts.DraftModel;
        _logger = Logger<LlmModel>();
        ModelId = parts.Sizes.Model;
        Tokenizer = parts.Tokenizer;
        Template = parts.Template;
        DefaultSampling = parts.Sampling;
        if (parts.Embedding is { } embedding)
        {
            ContextLength = embedding.Sizes.ContextLength;
            var logger = Logger<EmbeddingEngine>();
            var encoder = new TextEncoder(parts.Tokenizer, ContextLength, embedding.Options.TruncatesLongTexts, embedding.PairFormat);
            _embeddingEngine = new(parts.Runner, embedding.Sizes, logger, parts.Time);
            if (embedding.Sizes.Pooling == Pooling.Rank)
                _reranker = new(_embeddingEngine, encoder, logger);
            else
                _embeddings = new(_embeddingEngine, encoder, embedding.Options, parts.Time, logger, [this, parts.Tokenizer]);
            return;
        }

        var chatLogger = Logger<EmbeddedChatClient>();
        var prompt = new ChatPrompt(ModelId, parts.Template, parts.Tokenizer, parts.Time, chatLogger);
        var mapper = new RequestMapper(ModelId, parts.Sampling, new(parts.UnsupportedOptionPolicy, chatLogger), chatLogger, keepsConversations: parts.Conversations is not null);
        var constraints = new ConstraintCache(prompt.Syntax, parts.Tokenizer, chatLogger);
        _engine = new(parts.Runner, parts.Sizes, Logger<InferenceEngine>(), parts.Time);
        ContextLength = _engine.ContextLength;
        _generator = new(_engine, parts.Tokenizer, parts.Sampling, parts.Seed);
        var store = parts.Conversations is null ? null : new ConversationStore(parts.Conversations, _engine, parts.Fingerprint, chatLogger);
        Conversations = store;
        IReadOnlyList<object> services = store is null ? [this, parts.Tokenizer] : [this, parts.Tokenizer, store];
        _chat = new(ModelId, prompt, mapper, new(ContextLength, chatLogger), _generator, constraints, parts.Time, chatLogger, services, store);

        GuardedLogger Logger<T>() => new(parts.LoggerFactory.CreateLogger<T>());
    }

    /// <summary>The name that responses carry; see <see cref="LlmOptions.ModelId"/>.</summary>
    public string ModelId { get; }

    /// <summary>The most tokens of one request, prompt and answer together; of one text where the model makes embeddings.</summary>
    public int ContextLength { get; }

    /// <summary>Text to tokens and back.</summary>
    public Tokenizer Tokenizer { get; }

    /// <summary>Messages to the text of a prompt.</summary>
    public ChatTemplate Template { get; }

    /// <summary>How tokens are chosen where a request does not say: <see cref="LlmOptions.Sampling"/>, else what the file recommends, else the usual values.</summary>
    public SamplingOptions DefaultSampling { get; }

    /// <summary>The conversations that the model keeps; null unless <see cref="LlmOptions.Conversations"/> is set. Chat clients give it by <c>GetService</c> too.</summary>
    public IConversations? Conversations { get; }

    /// <summary>What the engine is doing.</summary>
    internal EngineStats Stats => Writes(_engine).Stats;

    /// <summary>Loads a model. This reads the weights and takes seconds; keep the model as long as the app needs it.</summary>
    /// <param name="path">A GGUF file, any part of a split one, or a folder as Hugging Face lays models out.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <param name="loggerFactory">Where events go.</param>
    /// <param name="time">The clock; null for the system's.</param>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="ModelFormatException">The file is damaged.</exception>
    /// <exception cref="UnsupportedModelException">The family, a format, the tokenizer or every backend says no; the message says why.</exception>
    /// <exception cref="LlmException">There is not enough memory.</exception>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public static LlmModel Load(string path, LlmOptions? options = null, ILoggerFactory? loggerFactory = null, TimeProvider? time = null) =>
        ModelOpener.Open(path, options, loggerFactory, time, CancellationToken.None);

    /// <summary>As <see cref="Load"/>, on a thread of the pool. Cancelling takes effect between the stages of loading.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static Task<LlmModel> LoadAsync(string path, LlmOptions? options = null, ILoggerFactory? loggerFactory = null, TimeProvider? time = null, CancellationToken cancellationToken = default) =>
        Task.Run(() => ModelOpener.Open(path, options, loggerFactory, time, cancellationToken), cancellationToken);

    /// <summary>
    /// The chat client of this model; each call gives the same. Disposing the client does nothing: the model lives until it is disposed itself.
    /// </summary>
    /// <exception cref="UnsupportedModelException">The model makes embeddings or ranks; the message says what to call.</exception>
    public IChatClient AsIChatClient() => Writes(_chat);

    /// <summary>
    /// The embedding generator of this model; each call gives the same. Vectors have length 1. Texts of all callers are computed together, many in a step.
    /// Disposing the generator does nothing: the model lives until it is disposed itself.
    /// </summary>
    /// <exception cref="UnsupportedModelException">The model writes text or ranks; the message says what to do.</exception>
    public IEmbeddingGenerator<string, Embedding<float>> AsIEmbeddingGenerator() => _embeddings ?? throw new UnsupportedModelException(
        _reranker is not null
            ? $"'{ModelId}' is a reranker: call RerankAsync."
            : $"'{ModelId}' was loaded to write text. To make embeddings of it, load it with Embedding.Pooling set to Last or Mean.");

    /// <summary>Scores documents against a query, best first. For models made for it (rerankers, cross-encoders), which read the query with each document.</summary>
    /// <param name="query">What is asked.</param>
    /// <param name="documents">What may answer it.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="UnsupportedModelException">The model is no reranker.</exception>
    /// <exception cref="ContextFullException">Query and document together do not fit into the context, and <see cref="EmbeddingOptions.TruncatesLongTexts"/> is not set.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public Task<IReadOnlyList<RerankResult>> RerankAsync(string query, IEnumerable<string> documents, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(query);
        ArgumentNullException.ThrowIfNull(documents);
        return _reranker?.RankAsync(query, documents, cancellationToken)
            ?? throw new UnsupportedModelException($"'{ModelId}' is no reranker: its file has no scoring head (pooling_type 4).");
    }

    /// <summary>Goes on from a text, without a chat template: for base models, and for prompts that are already rendered.</summary>
    /// <param name="prompt">The text. Special tokens written in it are read as such; a begin token is added if the model wants one.</param>
    /// <param name="options">Null for the model's defaults.</param>
    /// <param name="cancellationToken">Ends the request within a step.</param>
    /// <exception cref="ContextFullException">The prompt does not fit into the context.</exception>
    /// <exception cref="ArgumentException">An option is out of range, or the prompt gives no token.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    /// <exception cref="UnsupportedModelException">The model makes embeddings or ranks.</exception>
    public async Task<Completion> CompleteAsync(string prompt, GenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        var text = new StringBuilder();
        var last = new CompletionUpdate("");
        List<TokenLogprob> logprobs = [];
        await foreach (var update in CompleteStreamingAsync(prompt, options, cancellationToken).ConfigureAwait(false))
        {
            text.Append(update.Text);
            logprobs.AddRange(update.Logprobs);
            last = update;
        }

        return new(text.ToString(), last.FinishReason!.Value, last.Usage!) { Logprobs = logprobs };
    }

    /// <summary>As <see cref="CompleteAsync"/>, piece by piece. The last update has no text, but the reason of the end and the usage.</summary>
    /// <inheritdoc cref="CompleteAsync"/>
    public IAsyncEnumerable<CompletionUpdate> CompleteStreamingAsync(string prompt, GenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        if (options is { ContextOverflow: not (null or ContextOverflow.Error) } or { AssistantPrefill: not null } or { ContinueFinalMessage: true })
            throw new ArgumentException("ContextOverflow, AssistantPrefill and ContinueFinalMessage are for chat: a completion has no messages.", nameof(options));
        return StreamAsync(Writes(_generator), prompt, options ?? new(), cancellationToken);
    }

    /// <summary>Ends all requests with <see cref="ObjectDisposedException"/>, waits for the step that runs, and frees the memory. May be called again.</summary>
    public void Dispose()
    {
        lock (_disposal)
        {
            if (_disposed)
                return;
            _disposed = true;
            _embeddingEngine?.Dispose();
            _engine?.Dispose(); // returns when no step runs any more: what it read can go
            _draftModel?.Dispose();
            _runner.Dispose();
            _weights?.Dispose();
            LlmLog.Unloaded(_logger, ModelId);
        }
    }

    /// <summary>As <see cref="Dispose"/>, without blocking the caller.</summary>
    public ValueTask DisposeAsync() => new(Task.Run(Dispose));

    private T Writes<T>(T? part) where T : class => part ?? throw new UnsupportedModelException(
        $"'{ModelId}' writes no text: call {(_reranker is null ? nameof(AsIEmbeddingGenerator) : nameof(RerankAsync))}.");

    private async IAsyncEnumerable<CompletionUpdate> StreamAsync(TextGenerator generator, string prompt, GenerationOptions options, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding); // a long prompt is tokenized off the caller's thread
        var answer = generator.Start(Tokenizer.Encode(prompt), options, beginsText: false, kept: ImmutableHashSet<int>.Empty, prefillTokens: 0, cancellationToken);
        await foreach (var text in answer.ReadAsync(cancellationToken).ConfigureAwait(false))
            yield return new(text) { Logprobs = answer.TakeLogprobs() };

        yield return new("", answer.FinishReason, answer.Usage) { Logprobs = answer.TakeLogprobs() };
    }
}
