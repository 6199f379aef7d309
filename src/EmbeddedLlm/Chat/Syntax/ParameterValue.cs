using System.Text;
using System.Text.Json;

namespace EmbeddedLlm.Chat.Syntax;

/// <summary>
/// Values of parameters that stand in an answer as plain text, without quotes. They are text, unless the text is JSON of a type that the schema
/// allows; where the schema says nothing, whatever is JSON is taken as such.
/// </summary>
internal static class ParameterValue
{
    private const int MaxReferences = 32;

    /// <summary>Writes a value as JSON.</summary>
    /// <param name="json">Takes the JSON.</param>
    /// <param name="value">The value as the model wrote it.</param>
    /// <param name="schema">The parameter's schema, undefined where it has none.</param>
    /// <param name="resolve">What a reference in it stands for.</param>
    /// <param name="isText">What the format itself says; null where it does not.</param>
    public static void Write(StringBuilder json, string value, JsonElement schema, Func<string, JsonElement> resolve, bool? isText)
    {
        var types = new HashSet<string>();
        var isKnown = TryTypes(schema, resolve, types, MaxReferences);
        if (isText != true && TryJson(value, out var literal, out var type)
            && (isText == false || !isKnown || !types.Contains("string") || (type != "string" && types.Contains(type))))
        {
            json.Append(literal);
            return;
        }

        LiteralReader.WriteString(json, value);
        json.Append('"');
    }

    // False where the schema leaves the type open.
    private static bool TryTypes(JsonElement schema, Func<string, JsonElement> resolve, HashSet<string> types, int depth)
    {
        if (schema.ValueKind != JsonValueKind.Object || depth == 0)
            return false;
        if (schema.TryGetProperty("type", out var type))
            types.UnionWith(type.ValueKind == JsonValueKind.Array ? type.EnumerateArray().Select(Name) : [Name(type)]);
        else if (schema.TryGetProperty("enum", out var values) && values.ValueKind == JsonValueKind.Array)
            types.UnionWith(values.EnumerateArray().Select(value => TypeOf(value)));
        else if (schema.TryGetProperty("const", out var constant))
            types.Add(TypeOf(constant));
        else if (schema.TryGetProperty("$ref", out var reference) && reference.ValueKind == JsonValueKind.String)
            return TryTypes(resolve(reference.GetString()!), resolve, types, depth - 1);
        else if (schema.TryGetProperty("allOf", out var parts) && parts.ValueKind == JsonValueKind.Array)
            return parts.EnumerateArray().Any(part => TryTypes(part, resolve, types, depth - 1)); // the first that says so
        else
            return (schema.TryGetProperty("anyOf", out var choices) || schema.TryGetProperty("oneOf", out choices))
                && choices.ValueKind == JsonValueKind.Array && choices.EnumerateArray().All(choice => TryTypes(choice, resolve, types, depth - 1));
        if (types.Contains("integer"))
            types.Add("number"); // a fraction where a whole number is asked for is the caller's to refuse
        return true;
    }

    private static string Name(JsonElement type) => type.ValueKind == JsonValueKind.String ? type.GetString()! : "";

    private static string TypeOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.True or JsonValueKind.False => "boolean",
        JsonValueKind.Number => "number",
        JsonValueKind.Object => "object",
        JsonValueKind.Array => "array",
        JsonValueKind.Null => "null",
        _ => "string",
    };

    private static bool TryJson(string value, out string literal, out string type)
    {
        literal = value.AsSpan().Trim() switch
        {
            "True" => "true",
            "False" => "false",
            "None" => "null",
            var other => other.ToString(),
        };
        type = "";
        try
        {
            using var parsed = JsonDocument.Parse(literal);
            type = TypeOf(parsed.RootElement);
            return true;
        }
        catch (Exception e) when (e is JsonException or ArgumentException)
        {
            return false; // plain text
        }
    }
}
