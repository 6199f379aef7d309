using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace EmbeddedLlm.Chat;

/// <summary>
/// Values of <c>ChatOptions.AdditionalProperties</c> and of configuration, which come as .NET values, as text or as JSON. What is not of the
/// expected type is an <see cref="ArgumentException"/> with the key as its parameter.
/// </summary>
internal static class PropertyValues
{
    /// <summary>The name of a setting as tables have it, where case does not matter: underscores do not either.</summary>
    public static string NameOf(string key) => key.Replace("_", "", StringComparison.Ordinal);

    public static float Number(string key, object value) => value switch
    {
        float number => number,
        string text when float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) => number,
        JsonElement { ValueKind: JsonValueKind.Number } json => json.GetSingle(),
        JsonValue json when json.GetValueKind() == JsonValueKind.Number => float.Parse(json.ToJsonString(), CultureInfo.InvariantCulture),
        double or decimal or int or long or short or byte or uint or ulong or ushort or sbyte => Convert.ToSingle(value, CultureInfo.InvariantCulture),
        _ => throw Wrong(key, value, "a number"),
    };

    public static int Integer(string key, object value) => value switch
    {
        int number => number,                   // a float holds no more than 24 bits of it
        string text when int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) => number,
        JsonElement { ValueKind: JsonValueKind.Number } json when json.TryGetInt32(out var number) => number,
        JsonValue json when json.TryGetValue(out int number) => number,
        _ => Number(key, value) is var number && number == (int)number ? (int)number : throw Wrong(key, value, "a whole number"),
    };

    public static bool Boolean(string key, object value) => value switch
    {
        bool truth => truth,
        string text when bool.TryParse(text, out var truth) => truth,
        JsonElement { ValueKind: JsonValueKind.True or JsonValueKind.False } json => json.GetBoolean(),
        JsonValue json when json.TryGetValue(out bool truth) => truth,
        _ => throw Wrong(key, value, "true or false"),
    };

    public static string Text(string key, object value) => value switch
    {
        string text => text,
        JsonElement { ValueKind: JsonValueKind.String } json => json.GetString()!,
        JsonValue json when json.TryGetValue(out string? text) => text,
        _ => throw Wrong(key, value, "a text"),
    };

    public static string[] Texts(string key, object value) => value switch
    {
        IEnumerable<string> texts => [.. texts],
        JsonElement { ValueKind: JsonValueKind.Array } json => [.. json.EnumerateArray().Select(text => Text(key, text))],
        IEnumerable<object?> texts => [.. texts.Select(text => Text(key, text ?? throw Wrong(key, value, "a list of texts")))],
        _ => throw Wrong(key, value, "a list of texts"),
    };

    public static T EnumOf<T>(string key, object value) where T : struct, Enum => value switch
    {
        T known when Enum.IsDefined(known) => known,
        string or JsonElement { ValueKind: JsonValueKind.String } or JsonValue
            when Enum.TryParse<T>(Text(key, value).Replace("_", "", StringComparison.Ordinal), ignoreCase: true, out var known) && Enum.IsDefined(known) => known,
        _ => throw Wrong(key, value, $"one of {string.Join(", ", Enum.GetNames<T>())}"),
    };

    public static int[] Tokens(string key, object value) => value switch
    {
        IEnumerable<int> ids => [.. ids],
        IEnumerable<KeyValuePair<string, string?>> entries => [.. entries.Select(entry => Integer(key, entry.Value ?? ""))],
        JsonElement { ValueKind: JsonValueKind.Array } json => [.. json.EnumerateArray().Select(id => Integer(key, id))],
        IEnumerable<object?> ids => [.. ids.Select(id => Integer(key, id ?? ""))],
        _ => throw Wrong(key, value, "a list of token ids"),
    };

    public static Dictionary<int, float> Biases(string key, object value)
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
