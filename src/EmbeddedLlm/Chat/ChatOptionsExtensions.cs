using EmbeddedLlm.Sampling;
using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Chat;

/// <summary>
/// Settings for which <see cref="ChatOptions"/> has no property. They travel in <see cref="ChatOptions.AdditionalProperties"/>
/// under the keys given here; a value may come as text or JSON too. Ranges: see <see cref="SamplingOptions"/> and <see cref="GenerationOptions"/>.
/// </summary>
public static class ChatOptionsExtensions
{
    /// <summary>Key of <see cref="SamplingOptions.MinP"/>.</summary>
    public const string MinPKey = "min_p";

    /// <summary>Key of <see cref="SamplingOptions.TypicalP"/>.</summary>
    public const string TypicalPKey = "typical_p";

    /// <summary>Key of <see cref="SamplingOptions.RepetitionPenalty"/>.</summary>
    public const string RepetitionPenaltyKey = "repetition_penalty";

    /// <summary>Key of <see cref="SamplingOptions.PenaltyWindow"/>.</summary>
    public const string PenaltyWindowKey = "penalty_window";

    /// <summary>Key of <see cref="SamplingOptions.DryMultiplier"/>.</summary>
    public const string DryMultiplierKey = "dry_multiplier";

    /// <summary>Key of <see cref="SamplingOptions.DryBase"/>.</summary>
    public const string DryBaseKey = "dry_base";

    /// <summary>Key of <see cref="SamplingOptions.DryAllowedLength"/>.</summary>
    public const string DryAllowedLengthKey = "dry_allowed_length";

    /// <summary>Key of <see cref="SamplingOptions.DryWindow"/>.</summary>
    public const string DryWindowKey = "dry_window";

    /// <summary>Key of <see cref="SamplingOptions.DryBreakers"/>: a list of token ids.</summary>
    public const string DryBreakersKey = "dry_breakers";

    /// <summary>Key of <see cref="SamplingOptions.XtcProbability"/>.</summary>
    public const string XtcProbabilityKey = "xtc_probability";

    /// <summary>Key of <see cref="SamplingOptions.XtcThreshold"/>.</summary>
    public const string XtcThresholdKey = "xtc_threshold";

    /// <summary>Key of <see cref="SamplingOptions.MirostatTau"/>.</summary>
    public const string MirostatTauKey = "mirostat_tau";

    /// <summary>Key of <see cref="SamplingOptions.MirostatEta"/>.</summary>
    public const string MirostatEtaKey = "mirostat_eta";

    /// <summary>Key of <see cref="SamplingOptions.LogitBias"/>: a dictionary, or a JSON object, from token ids to numbers.</summary>
    public const string LogitBiasKey = "logit_bias";

    /// <summary>Key of <see cref="GenerationOptions.StopTokens"/>: a list of token ids.</summary>
    public const string StopTokensKey = "stop_tokens";

    /// <summary>Key of the wish for log probabilities: true or false.</summary>
    public const string LogprobsKey = "logprobs";

    /// <summary>Key of <see cref="GenerationOptions.TopLogprobs"/>. Above 0 it asks for log probabilities by itself.</summary>
    public const string TopLogprobsKey = "top_logprobs";

    /// <summary>Key of <see cref="GenerationOptions.PromptCache"/>: true or false.</summary>
    public const string PromptCacheKey = "prompt_cache";

    /// <summary>Key of <see cref="GenerationOptions.PromptCacheKey"/>.</summary>
    public const string PromptCacheKeyKey = "prompt_cache_key";

    /// <summary>Key of <see cref="GenerationOptions.ContextOverflow"/>: a value of <see cref="ContextOverflow"/> or its name.</summary>
    public const string ContextOverflowKey = "context_overflow";

    /// <summary>Key of <see cref="GenerationOptions.AssistantPrefill"/>.</summary>
    public const string AssistantPrefillKey = "assistant_prefill";

    /// <summary>Key of <see cref="GenerationOptions.ContinueFinalMessage"/>: true or false.</summary>
    public const string ContinueFinalMessageKey = "continue_final_message";

    /// <summary>Key of a grammar in GBNF that the answer's text must match.</summary>
    public const string GrammarKey = "grammar";

    /// <summary>Key of a regular expression that the answer's text must match as a whole.</summary>
    public const string RegexKey = "regex";

    /// <summary>Key of a list of texts, one of which the answer must be.</summary>
    public const string ChoicesKey = "choices";

    /// <summary>Key of whether white space may stand between the parts of an answer in JSON.</summary>
    public const string JsonWhiteSpaceKey = "json_white_space";

    /// <summary>
    /// The answer's text will match a grammar in GBNF, the notation of llama.cpp, whose first rule is <c>root</c>. Reasoning may come before it, and a call of
    /// a tool in its place. Excludes <see cref="ChatOptions.ResponseFormat"/> and the other forms.
    /// </summary>
    public static ChatOptions WithGrammar(this ChatOptions options, string gbnf) => options.With(GrammarKey, gbnf);

    /// <summary>As <see cref="WithGrammar"/>, for a regular expression that the whole text matches.</summary>
    public static ChatOptions WithRegex(this ChatOptions options, string pattern) => options.With(RegexKey, pattern);

    /// <summary>As <see cref="WithGrammar"/>, for one of some texts.</summary>
    public static ChatOptions WithChoices(this ChatOptions options, params string[] texts) => options.With(ChoicesKey, texts);

    /// <summary>Whether an answer in JSON (<see cref="ChatOptions.ResponseFormat"/>) may have white space between its parts; without, it is compact.</summary>
    public static ChatOptions WithJsonWhiteSpace(this ChatOptions options, bool value = true) => options.With(JsonWhiteSpaceKey, value);

    /// <summary>Sets <see cref="SamplingOptions.MinP"/>.</summary>
    public static ChatOptions WithMinP(this ChatOptions options, float value) => options.With(MinPKey, value);

    /// <summary>Sets <see cref="SamplingOptions.TypicalP"/>.</summary>
    public static ChatOptions WithTypicalP(this ChatOptions options, float value) => options.With(TypicalPKey, value);

    /// <summary>Sets <see cref="SamplingOptions.RepetitionPenalty"/> and, if given, <see cref="SamplingOptions.PenaltyWindow"/>.</summary>
    public static ChatOptions WithRepetitionPenalty(this ChatOptions options, float value, int? window = null) =>
        options.With(RepetitionPenaltyKey, value).WithGiven(PenaltyWindowKey, window);

    /// <summary>Sets <see cref="SamplingOptions.DryMultiplier"/> and, where given, the other settings of DRY.</summary>
    /// <param name="options">The options to change.</param>
    /// <param name="multiplier"><see cref="SamplingOptions.DryMultiplier"/>.</param>
    /// <param name="growth"><see cref="SamplingOptions.DryBase"/>.</param>
    /// <param name="allowedLength"><see cref="SamplingOptions.DryAllowedLength"/>.</param>
    /// <param name="window"><see cref="SamplingOptions.DryWindow"/>.</param>
    /// <param name="breakers"><see cref="SamplingOptions.DryBreakers"/>, token ids.</param>
    public static ChatOptions WithDry(this ChatOptions options, float multiplier, float? growth = null, int? allowedLength = null, int? window = null, IReadOnlySet<int>? breakers = null) => options
        .With(DryMultiplierKey, multiplier)
        .WithGiven(DryBaseKey, growth)
        .WithGiven(DryAllowedLengthKey, allowedLength)
        .WithGiven(DryWindowKey, window)
        .WithGiven(DryBreakersKey, breakers);

    /// <summary>Sets <see cref="SamplingOptions.XtcProbability"/> and, if given, <see cref="SamplingOptions.XtcThreshold"/>.</summary>
    public static ChatOptions WithXtc(this ChatOptions options, float probability, float? threshold = null) =>
        options.With(XtcProbabilityKey, probability).WithGiven(XtcThresholdKey, threshold);

    /// <summary>Sets <see cref="SamplingOptions.MirostatTau"/> and, if given, <see cref="SamplingOptions.MirostatEta"/>.</summary>
    public static ChatOptions WithMirostat(this ChatOptions options, float tau, float? eta = null) =>
        options.With(MirostatTauKey, tau).WithGiven(MirostatEtaKey, eta);

    /// <summary>Sets <see cref="SamplingOptions.LogitBias"/>.</summary>
    public static ChatOptions WithLogitBias(this ChatOptions options, IReadOnlyDictionary<int, float> biases) => options.With(LogitBiasKey, biases);

    /// <summary>Sets <see cref="GenerationOptions.StopTokens"/>: tokens that end the answer as the model's own end token does, and are not part of it.</summary>
    public static ChatOptions WithStopTokens(this ChatOptions options, params int[] ids) => options.With(StopTokensKey, ids);

    /// <summary>
    /// Asks how probable the model found each token of the answer; <see cref="ChatResponseProperties.GetLogprobs(ChatResponse)"/> reads it from the response.
    /// </summary>
    /// <param name="options">The options to change.</param>
    /// <param name="top">How many of the most probable tokens to name in the place of each, 0 to 20.</param>
    public static ChatOptions WithLogprobs(this ChatOptions options, int top = 0) => options.With(LogprobsKey, true).With(TopLogprobsKey, top);

    /// <summary>Sets <see cref="GenerationOptions.PromptCache"/>: false computes the whole prompt anew, and keeps nothing of the request for others.</summary>
    public static ChatOptions WithPromptCache(this ChatOptions options, bool isUsed) => options.With(PromptCacheKey, isUsed);

    /// <summary>Sets <see cref="GenerationOptions.PromptCacheKey"/>: computed beginnings are shared only among requests of the same key.</summary>
    public static ChatOptions WithPromptCacheKey(this ChatOptions options, string key) => options.With(PromptCacheKeyKey, key);

    /// <summary>Sets <see cref="GenerationOptions.ContextOverflow"/>: what happens to a history that is too long for the context.</summary>
    public static ChatOptions WithContextOverflow(this ChatOptions options, ContextOverflow overflow) => options.With(ContextOverflowKey, overflow);

    /// <summary>Sets <see cref="GenerationOptions.AssistantPrefill"/>: the model goes on from this beginning of its answer.</summary>
    public static ChatOptions WithAssistantPrefill(this ChatOptions options, string text) => options.With(AssistantPrefillKey, text);

    /// <summary>Sets <see cref="GenerationOptions.ContinueFinalMessage"/>: the model goes on from the last message, which is its own.</summary>
    public static ChatOptions WithContinueFinalMessage(this ChatOptions options) => options.With(ContinueFinalMessageKey, true);

    private static ChatOptions WithGiven(this ChatOptions options, string key, object? value) => value is null ? options : options.With(key, value);

    private static ChatOptions With(this ChatOptions options, string key, object value)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(value);
        (options.AdditionalProperties ??= [])[key] = value;
        return options;
    }
}
