using EmbeddedLlm.Chat.Constraints;
using EmbeddedLlm.Grammar;
using EmbeddedLlm.Sampling;

namespace EmbeddedLlm.Chat;

/// <summary>
/// How one request is answered. What is null takes the model's default. Return one from <c>ChatOptions.RawRepresentationFactory</c>
/// for full control: what it sets wins over the rest of the <c>ChatOptions</c>. A value out of range throws where it is set.
/// </summary>
public sealed record GenerationOptions
{
    /// <summary>The most <see cref="TopLogprobs"/>: 20.</summary>
    public const int MaxTopLogprobs = 20;

    /// <summary>How tokens are chosen.</summary>
    public SamplingOptions? Sampling { get; init; }

    /// <summary>Same seed, same request: same text, whatever else runs.</summary>
    public long? Seed { get; init; }

    /// <summary>The most tokens of the answer, at least 1; default: until the context is full.</summary>
    public int? MaxOutputTokens
    {
        get;
        init => field = value is not <= 0 ? value : throw new ArgumentOutOfRangeException(nameof(MaxOutputTokens), value, "MaxOutputTokens must be at least 1.");
    }

    /// <summary>Strings, none of them empty, that end the answer; they are not part of it.</summary>
    public IReadOnlyList<string>? StopSequences
    {
        get;
        init => field = value?.Any(string.IsNullOrEmpty) is not true ? value : throw new ArgumentException("StopSequences must not have an empty one.", nameof(StopSequences));
    }

    /// <summary>
    /// What the whole answer may be, reasoning and calls of tools included; null for what the rest of the options asks. It must be compiled for the
    /// model's <see cref="LlmModel.Tokenizer"/>.
    /// </summary>
    public Constraint? Constraint { get; init; }

    /// <summary>What the text of the answer must be.</summary>
    internal AnswerForm? Form { get; init; }

    /// <summary>In place of <see cref="PromptCacheKey"/>: the key of a conversation whose computed beginning is shared with no others.</summary>
    internal long? OwnPrefixKey { get; init; }

    /// <summary>Ids of tokens that end the answer as the model's own end tokens do, beside those; they are not part of it.</summary>
    public IReadOnlyList<int>? StopTokens { get; init; }

    /// <summary>
    /// Asks how probable the model found each token of the answer, and so many of the most probable tokens in its place: 0 to
    /// <see cref="MaxTopLogprobs"/>. Null: not asked. The probabilities are the model's own, from its logits before bias, constraints, penalties,
    /// temperature and cuts.
    /// </summary>
    public int? TopLogprobs
    {
        get;
        init => field = value is null or (>= 0 and <= MaxTopLogprobs) ? value
            : throw new ArgumentOutOfRangeException(nameof(TopLogprobs), value, $"TopLogprobs must be 0 to {MaxTopLogprobs}.");
    }

    /// <summary>
    /// Whether the beginning of the prompt is taken from what earlier requests computed, and what this one computes is kept for later ones. Default: true.
    /// </summary>
    public bool? PromptCache { get; init; }

    /// <summary>
    /// Computed beginnings are shared only among requests of the same key, such as the name of a tenant, lest the time of an answer tells what others asked.
    /// Default: with all requests that have no key. Compared are 64 bits of a hash under a secret of the process.
    /// </summary>
    public string? PromptCacheKey { get; init; }

    /// <summary>What happens to a history that is too long for the context. Default: <see cref="ContextOverflow.Error"/>. For chat only.</summary>
    public ContextOverflow? ContextOverflow
    {
        get;
        init => field = value is not { } given || Enum.IsDefined(given) ? value
            : throw new ArgumentOutOfRangeException(nameof(ContextOverflow), value, $"ContextOverflow must be one of {string.Join(", ", Enum.GetNames<ContextOverflow>())}.");
    }

    /// <summary>
    /// The beginning of the answer. It stands in the prompt behind the template's own beginning of an answer; the model goes on from it, and the answer holds
    /// only what the model adds. For chat only.
    /// </summary>
    public string? AssistantPrefill { get; init; }

    /// <summary>
    /// Whether the last message, one of the assistant with text alone, is not over: its text is then the beginning of the answer, as
    /// <see cref="AssistantPrefill"/> is, which comes behind it. Default: false, the answer is another message. For chat only.
    /// </summary>
    public bool? ContinueFinalMessage { get; init; }

    /// <summary>These options, and those of others where they are null.</summary>
    internal GenerationOptions Or(GenerationOptions other) => new()
    {
        Sampling = Sampling ?? other.Sampling,
        Seed = Seed ?? other.Seed,
        MaxOutputTokens = MaxOutputTokens ?? other.MaxOutputTokens,
        StopSequences = StopSequences ?? other.StopSequences,
        StopTokens = StopTokens ?? other.StopTokens,
        TopLogprobs = TopLogprobs ?? other.TopLogprobs,
        PromptCache = PromptCache ?? other.PromptCache,
        PromptCacheKey = PromptCacheKey ?? other.PromptCacheKey,
        ContextOverflow = ContextOverflow ?? other.ContextOverflow,
        AssistantPrefill = AssistantPrefill ?? other.AssistantPrefill,
        ContinueFinalMessage = ContinueFinalMessage ?? other.ContinueFinalMessage,
        Constraint = Constraint ?? other.Constraint,
        Form = Form ?? other.Form,
        OwnPrefixKey = OwnPrefixKey ?? other.OwnPrefixKey,
    };
}
