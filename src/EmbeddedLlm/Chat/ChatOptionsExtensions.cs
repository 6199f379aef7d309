using EmbeddedLlm.Sampling;
using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Chat;

/// <summary>
/// Settings for which <see cref="ChatOptions"/> has no property. They travel in <see cref="ChatOptions.AdditionalProperties"/>
/// under the keys given here; a value may be any number, a number as text, or a JSON number. Ranges: see <see cref="SamplingOptions"/>.
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
    public static ChatOptions WithRepetitionPenalty(this ChatOptions options, float value, int? window = null)
    {
        options.With(RepetitionPenaltyKey, value);
        return window is { } tokens ? options.With(PenaltyWindowKey, tokens) : options;
    }

    /// <summary>Sets <see cref="SamplingOptions.DryMultiplier"/>.</summary>
    public static ChatOptions WithDry(this ChatOptions options, float multiplier) => options.With(DryMultiplierKey, multiplier);

    /// <summary>Sets <see cref="SamplingOptions.XtcProbability"/> and, if given, <see cref="SamplingOptions.XtcThreshold"/>.</summary>
    public static ChatOptions WithXtc(this ChatOptions options, float probability, float? threshold = null)
    {
        options.With(XtcProbabilityKey, probability);
        return threshold is { } value ? options.With(XtcThresholdKey, value) : options;
    }

    /// <summary>Sets <see cref="SamplingOptions.MirostatTau"/> and, if given, <see cref="SamplingOptions.MirostatEta"/>.</summary>
    public static ChatOptions WithMirostat(this ChatOptions options, float tau, float? eta = null)
    {
        options.With(MirostatTauKey, tau);
        return eta is { } value ? options.With(MirostatEtaKey, value) : options;
    }

    /// <summary>Sets <see cref="SamplingOptions.LogitBias"/>.</summary>
    public static ChatOptions WithLogitBias(this ChatOptions options, IReadOnlyDictionary<int, float> biases) => options.With(LogitBiasKey, biases);

    private static ChatOptions With(this ChatOptions options, string key, object value)
    {
        ArgumentNullException.ThrowIfNull(options);
        (options.AdditionalProperties ??= [])[key] = value;
        return options;
    }
}
