using EmbeddedLlm.Sampling;
using static EmbeddedLlm.Chat.PropertyValues;

namespace EmbeddedLlm.Chat;

/// <summary>
/// The table of sampling settings by name, for <c>ChatOptions.AdditionalProperties</c> (<c>min_p</c>) and configuration (<c>MinP</c>):
/// case and underscores do not matter.
/// </summary>
internal static class SamplingProperties
{
    private static readonly Dictionary<string, Func<SamplingOptions, string, object, SamplingOptions>> Table = new(StringComparer.OrdinalIgnoreCase)
    {
        ["Temperature"] = (options, key, value) => options with { Temperature = Number(key, value) },
        ["TopK"] = (options, key, value) => options with { TopK = Integer(key, value) },
        ["TopP"] = (options, key, value) => options with { TopP = Number(key, value) },
        ["MinP"] = (options, key, value) => options with { MinP = Number(key, value) },
        ["TypicalP"] = (options, key, value) => options with { TypicalP = Number(key, value) },
        ["RepetitionPenalty"] = (options, key, value) => options with { RepetitionPenalty = Number(key, value) },
        ["PenaltyWindow"] = (options, key, value) => options with { PenaltyWindow = Integer(key, value) },
        ["FrequencyPenalty"] = (options, key, value) => options with { FrequencyPenalty = Number(key, value) },
        ["PresencePenalty"] = (options, key, value) => options with { PresencePenalty = Number(key, value) },
        ["DryMultiplier"] = (options, key, value) => options with { DryMultiplier = Number(key, value) },
        ["DryBase"] = (options, key, value) => options with { DryBase = Number(key, value) },
        ["DryAllowedLength"] = (options, key, value) => options with { DryAllowedLength = Integer(key, value) },
        ["DryWindow"] = (options, key, value) => options with { DryWindow = Integer(key, value) },
        ["DryBreakers"] = (options, key, value) => options with { DryBreakers = Tokens(key, value).ToHashSet() },
        ["XtcProbability"] = (options, key, value) => options with { XtcProbability = Number(key, value) },
        ["XtcThreshold"] = (options, key, value) => options with { XtcThreshold = Number(key, value) },
        ["MirostatTau"] = (options, key, value) => options with { MirostatTau = Number(key, value) },
        ["MirostatEta"] = (options, key, value) => options with { MirostatEta = Number(key, value) },
        ["LogitBias"] = (options, key, value) => options with { LogitBias = Biases(key, value) },
    };

    /// <summary>The names, as properties of <see cref="SamplingOptions"/>.</summary>
    public static IEnumerable<string> Names => Table.Keys;

    /// <summary>Sets one value. False: there is no setting of this name.</summary>
    /// <exception cref="ArgumentException">The value is not of the setting's type.</exception>
    public static bool TrySet(ref SamplingOptions options, string key, object value)
    {
        if (!Table.TryGetValue(NameOf(key), out var set))
            return false;
        options = set(options, key, value);
        return true;
    }

    /// <summary>Whether a key sets one of the penalties that look at the <see cref="SamplingOptions.PenaltyWindow"/>.</summary>
    public static bool IsPenalty(string key) => NameOf(key).ToUpperInvariant() is "REPETITIONPENALTY" or "FREQUENCYPENALTY" or "PRESENCEPENALTY";
}
