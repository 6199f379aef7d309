using System.Runtime.CompilerServices;

namespace EmbeddedLlm.Sampling;

/// <summary>
/// How the next token is chosen from the model's logits. The steps run in this order: logit bias; repetition, frequency and presence
/// penalties; DRY; top-k; typical; top-p; min-p; XTC; temperature; then one token is drawn. A value out of range throws
/// <see cref="ArgumentOutOfRangeException"/> where it is set.
/// </summary>
public sealed record SamplingOptions
{
    /// <summary>The usual values: temperature 0.8, top-k 40, top-p 0.95, min-p 0.05.</summary>
    public static SamplingOptions Default { get; } = new();

    /// <summary>Always the most probable token; of equals the one with the lowest id.</summary>
    public static SamplingOptions Greedy { get; } = new() { Temperature = 0 };

    /// <summary>Divides the logits: below 1 the text becomes more predictable, above 1 more varied. 0 takes the most probable token.</summary>
    public float Temperature { get; init => field = InRange(value, 0, float.MaxValue); } = 0.8f;

    /// <summary>Only this many of the most probable tokens stay; 0 keeps all.</summary>
    public int TopK { get; init => field = AtLeast(value, 0); } = 40;

    /// <summary>Only the fewest most probable tokens whose probabilities reach this sum stay; 1 keeps all. 0 to 1.</summary>
    public float TopP { get; init => field = InRange(value, 0, 1); } = 0.95f;

    /// <summary>Only tokens at least this probable, relative to the most probable one, stay; 0 keeps all. 0 to 1.</summary>
    public float MinP { get; init => field = InRange(value, 0, 1); } = 0.05f;

    /// <summary>
    /// Only the tokens whose surprise is nearest to the expected one stay, until their probabilities reach this sum; 1 keeps all. 0 to 1.
    /// Locally typical sampling, https://arxiv.org/abs/2202.00666.
    /// </summary>
    public float TypicalP { get; init => field = InRange(value, 0, 1); } = 1;

    /// <summary>
    /// Divides positive logits, and multiplies negative ones, of tokens seen in the <see cref="PenaltyWindow"/>; 1 changes nothing.
    /// Greater than 0. https://arxiv.org/abs/1909.05858.
    /// </summary>
    public float RepetitionPenalty { get; init => field = InRange(value, float.Epsilon, float.MaxValue); } = 1;

    /// <summary>Taken off a token's logit for each time it stands in the <see cref="PenaltyWindow"/>; 0 changes nothing.</summary>
    public float FrequencyPenalty { get; init => field = InRange(value, float.MinValue, float.MaxValue); }

    /// <summary>Taken off a token's logit once if it stands in the <see cref="PenaltyWindow"/>; 0 changes nothing.</summary>
    public float PresencePenalty { get; init => field = InRange(value, float.MinValue, float.MaxValue); }

    /// <summary>How many of the last tokens, prompt included, the three penalties look at; 0 turns them off.</summary>
    public int PenaltyWindow { get; init => field = AtLeast(value, 0); } = 64;

    /// <summary>
    /// Strength of DRY ("don't repeat yourself"), which makes it less probable that a sequence seen before goes on as it did; 0 turns it off.
    /// A token that would lengthen a repetition of n tokens loses <c>DryMultiplier · DryBase^(n − DryAllowedLength)</c>.
    /// https://github.com/oobabooga/text-generation-webui/pull/5677.
    /// </summary>
    public float DryMultiplier { get; init => field = InRange(value, 0, float.MaxValue); }

    /// <summary>How fast the DRY penalty grows with the length of the repetition. At least 1.</summary>
    public float DryBase { get; init => field = InRange(value, 1, float.MaxValue); } = 1.75f;

    /// <summary>Repetitions shorter than this many tokens cost nothing. At least 1.</summary>
    public int DryAllowedLength { get; init => field = AtLeast(value, 1); } = 2;

    /// <summary>How many of the last tokens, prompt included, DRY looks at.</summary>
    public int DryWindow { get; init => field = AtLeast(value, 0); } = int.MaxValue;

    /// <summary>Tokens that DRY neither matches across nor punishes, such as those with a line break; null for none.</summary>
    public IReadOnlySet<int>? DryBreakers { get; init; }

    /// <summary>
    /// How often XTC ("exclude top choices") acts: it then removes all tokens at least as probable as <see cref="XtcThreshold"/>
    /// but the least probable of them. 0 turns it off. 0 to 1. https://github.com/oobabooga/text-generation-webui/pull/6335.
    /// </summary>
    public float XtcProbability { get; init => field = InRange(value, 0, 1); }

    /// <summary>The probability from which on XTC removes tokens; above 0.5 it never can. 0 to 1.</summary>
    public float XtcThreshold { get; init => field = InRange(value, 0, 1); } = 0.1f;

    /// <summary>
    /// The surprise, in bits per token, that mirostat 2 aims at; 0 turns it off. While it is on, the cuts (top-k to XTC) do not run:
    /// after bias, penalties, DRY and temperature it makes its own. https://arxiv.org/abs/2007.14966.
    /// </summary>
    public float MirostatTau { get; init => field = InRange(value, 0, float.MaxValue); }

    /// <summary>How fast mirostat 2 corrects itself. 0 to 1.</summary>
    public float MirostatEta { get; init => field = InRange(value, 0, 1); } = 0.1f;

    /// <summary>Added to the logits of single tokens, by id; negative infinity forbids a token. Null for none.</summary>
    public IReadOnlyDictionary<int, float>? LogitBias { get; init => field = Checked(value); }

    private static float InRange(float value, float least, float most, [CallerMemberName] string name = "")
        => value >= least && value <= most ? value : throw new ArgumentOutOfRangeException(name, value, most < float.MaxValue ? $"{name} must be between {least} and {most}." : $"{name} must be a finite number of at least {least}.");

    private static int AtLeast(int value, int least, [CallerMemberName] string name = "")
        => value >= least ? value : throw new ArgumentOutOfRangeException(name, value, $"{name} must be at least {least}.");

    private static IReadOnlyDictionary<int, float>? Checked(IReadOnlyDictionary<int, float>? bias, [CallerMemberName] string name = "")
    {
        foreach (var (token, value) in bias ?? new Dictionary<int, float>())
            if (token < 0 || float.IsNaN(value) || float.IsPositiveInfinity(value))
                throw new ArgumentOutOfRangeException(name, value, $"{name} of token {token} must be a number below infinity, of a token id from 0 on.");
        return bias;
    }
}
