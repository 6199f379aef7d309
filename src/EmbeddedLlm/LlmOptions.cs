using System.Diagnostics.CodeAnalysis;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Chat;
using EmbeddedLlm.Conversations;
using EmbeddedLlm.Embeddings;
using EmbeddedLlm.Sampling;

namespace EmbeddedLlm;

/// <summary>How a model is loaded. Every value has a default; <see cref="LlmModel.Load"/> without options is a good start.</summary>
public sealed class LlmOptions
{
    /// <summary>The most tokens of a context when <see cref="ContextLength"/> is not set: 8192.</summary>
    public const int DefaultContextLength = 8192;

    /// <summary>The most <see cref="Threads"/>: 512.</summary>
    public const int MaxThreads = 512;

    /// <summary>The most <see cref="BatchTokens"/> and <see cref="MaxConcurrentSequences"/>: 65 536. Memory for steps grows with both.</summary>
    public const int MaxBatchTokens = 65536;

    /// <summary>The GGUF file, the first part of a split one, or a folder as Hugging Face lays models out. Used by <c>AddEmbeddedLlm().AddModel(…)</c>; <see cref="LlmModel.Load"/> takes it as an argument.</summary>
    public string? Path { get; set; }

    /// <summary>The name that responses carry and that <c>ChatOptions.ModelId</c> may ask for. Default: the name under which the model is registered, else that of the file without its extension.</summary>
    public string? ModelId { get; set; }

    /// <summary>
    /// The most tokens of one request, prompt and answer together. Default: what the model was trained for, but at most
    /// <see cref="DefaultContextLength"/> and what <see cref="KvCacheBytes"/> holds. A prompt that does not fit is refused with
    /// <see cref="ContextFullException"/>, never cut.
    /// </summary>
    public int? ContextLength { get; set; }

    /// <summary>The number format of the KV cache. F16 takes half the memory of F32, Q8_0 about a quarter, rounds keys and values to 8 bits, and is slower in long contexts.</summary>
    public KvType KvType { get; set; } = KvType.F16;

    /// <summary>
    /// Memory for the KV cache of all requests together, in bytes. Default: room for four full contexts, at most a quarter of the
    /// memory that this process may use, at least one full context. Requests share it block by block; when it is short, the youngest waits.
    /// Counted is what the numbers take; a backend may pad them (the CPU pads the values of a head to a multiple of 32).
    /// </summary>
    public long? KvCacheBytes { get; set; }

    /// <summary>
    /// The most requests that are decoded together; further ones wait in a queue. Default 32. A model with recurrent states runs fewer where those do not fit
    /// into a quarter of the memory that this process may use, and says so in its log.
    /// </summary>
    public int MaxConcurrentSequences { get; set; } = 32;

    /// <summary>The most requests that wait; one more is refused with <see cref="QueueFullException"/>. Default: no limit.</summary>
    public int? MaxQueuedRequests { get; set; }

    /// <summary>The most tokens of one step. Long prompts are read in pieces of this size, so that others go on
    /// meanwhile. Default 512; never less than <see cref="MaxConcurrentSequences"/>.</summary>
    public int BatchTokens { get; set; } = 512;

    /// <summary>Threads that compute, at most <see cref="MaxThreads"/>; 0 (the default) for one per physical core that the process may use: affinity and CPU quotas count.</summary>
    public int Threads { get; set; }

    /// <summary>
    /// Keeps the file as the only copy of the weights, for machines where memory is short: no packed weights are kept, each step packs them anew.
    /// Slower, with the same results, bit for bit. The file must not change as long as the model is loaded. Default false.
    /// </summary>
    public bool KeepWeightsInFile { get; set; }

    /// <summary>
    /// Whether several tokens are guessed and then verified in one step. Answers do not change, token for token; those that repeat what is in
    /// the prompt come sooner. Default: <see cref="Speculation.NGram"/>.
    /// </summary>
    public Speculation Speculation { get; set; } = Speculation.NGram;

    /// <summary>A smaller GGUF model of the same vocabulary, to guess in place of n-grams. Default: none. Answers do not change.</summary>
    public string? DraftModelPath { get; set; }

    /// <summary>The backend to use, such as <c>cpu</c>. Default: the one that offers most for this model.</summary>
    public string? Backend { get; set; }

    /// <summary>How embeddings are made, and whether: a model whose file says how to pool, and one for which <see cref="EmbeddingOptions.Pooling"/> is set, makes embeddings (or ranks) in place of text.</summary>
    public EmbeddingOptions Embedding { get; set; } = new();

    /// <summary>A Jinja chat template to use in place of the file's own: its source, not a path.</summary>
    public string? ChatTemplate { get; set; }

    /// <summary>How tokens are chosen where a request does not say. Default: what the model file recommends, else the values of <see cref="SamplingOptions"/>.</summary>
    public SamplingOptions? Sampling
    {
        get;
        set
        {
            field = value;
            ConfiguredSampling = null;
        }
    }

    /// <summary>Changes that configuration makes to the model's recommended values; setting <see cref="Sampling"/> afterwards replaces them.</summary>
    internal Func<SamplingOptions, SamplingOptions>? ConfiguredSampling { get; set; }

    /// <summary>The seed of requests that bring none. Default: another one for each request.</summary>
    public long? Seed { get; set; }

    /// <summary>
    /// What becomes of chat requests that ask for something which the client cannot do, such as a conversation that it should keep. Default:
    /// <see cref="UnsupportedOptionPolicy.Throw"/>.
    /// </summary>
    public UnsupportedOptionPolicy UnsupportedOptionPolicy { get; set; }

    /// <summary>Loads the model when the host starts instead of at its first use. Only for models registered with <c>AddEmbeddedLlm()</c>.</summary>
    public bool LoadAtStart { get; set; }

    /// <summary>
    /// Keeps conversations, so that requests with a <c>ConversationId</c> bring only their new messages: see <see cref="IConversations"/>. Null, the default, keeps none; a
    /// request that names one is refused then.
    /// </summary>
    public ConversationOptions? Conversations { get; set; }

    /// <summary>Backends to choose from beside the CPU, which is always there.</summary>
    [Experimental("ELLM001")]
    public IList<IBackend> Backends { get; } = [];
}
