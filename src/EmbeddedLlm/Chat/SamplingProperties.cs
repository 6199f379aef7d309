using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using EmbeddedLlm.Sampling;

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
        if (!Table.TryGetValue(key.Replace("_", "", StringComparison.Ordinal), out var set))
            return false;
        options = set(options, key, value);
        return true;
    }

    private static float Number(string key, object value) => value switch
    {
        float number => number,
        string text when float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) => number,
        JsonElement { ValueKind: JsonValueKind.Number } json => json.GetSingle(),
        JsonValue json when json.GetValueKind() == JsonValueKind.Number => float.Parse(json.ToJsonString(), CultureInfo.InvariantCulture),
        double or decimal or int or long or short or byte or uint or ulong or ushort or sbyte => Convert.ToSingle(value, CultureInfo.InvariantCulture),
        _ => throw Wrong(key, value, "a number"),
    };

    private static int Integer(string key, object value) =>
        Number(key, value) is var number && number == (int)number ? (int)number : throw Wrong(key, value, "a whole number");

    private static Dictionary<int, float> Biases(string key, object value)
    {
        IEnumerable<(string Token, object Bias)> entries = value switch
        {
            IEnumerable<KeyValuePair<int, float>> typed => typed.Select(entry => (entry.Key.ToString(CultureInfo.InvariantCulture), (object)entry.Value)),
            IEnumerable<KeyValuePair<string, string?>> texts => texts.Select(entry => (entry.Key, (object)(entry.Value ?? ""))),
            JsonElement { ValueKind: JsonValueKind.Object } json => json.EnumerateObject().Select(entry => (entry.Name, (object)entry.Value)),
            JsonObject json => json.Select(entry => (entry.Key, (object)entry.Value!)),
            _ => throw Wrong(key, value, "a dictionary from token ids to numbers"),
        };

        var biases = new Dictionary<int, float>();
        foreach (var (token, bias) in entries)
            biases[int.TryParse(token, NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : throw Wrong(key, token, "token ids")] = Number(key, bias);
        return biases;
    }

    private static ArgumentException Wrong(string key, object? value, string expected) =>
        new($"'{key}' must be {expected}; it is {(value is string or JsonNode or JsonElement or IConvertible ? $"'{value}', " : "")}{value?.GetType().Name ?? "null"}.", key);
}
