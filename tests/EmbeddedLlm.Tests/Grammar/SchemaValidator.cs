using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Json.Schema;

namespace EmbeddedLlm.Tests.Grammar;

/// <summary>Judges values by a validator that knows nothing of constraints.</summary>
internal sealed class SchemaValidator
{
    // More are rounded where the validator compares numbers.
    private const int MaxDigits = 15;

    // One character in the halves that .NET counts.
    private const string Character = @"(?:[\uD800-\uDBFF][\uDC00-\uDFFF]|[^\uD800-\uDFFF])";

    private const string End = @"(?![\s\S])";

    private static readonly EvaluationOptions Options = new() { OutputFormat = OutputFormat.Flag, RequireFormatValidation = true };

    private readonly JsonSchema _schema;

    public SchemaValidator(JsonObject schema) => _schema = JsonSchema.FromText(Translate(schema)!.ToJsonString());

    public SchemaValidator(JsonElement schema)
        : this(JsonObject.Create(schema)!)
    {
    }

    /// <inheritdoc cref="IsValid(byte[])"/>
    public bool? IsValid(string text) => IsValid(Encoding.UTF8.GetBytes(text));

    /// <summary>Whether a text is valid; null where a number in it is longer than the validator can compare.</summary>
    public bool? IsValid(byte[] text)
    {
        using var document = JsonDocument.Parse(text);
        if (!CanCompare(document.RootElement))
            return null;
        return _schema.Evaluate(JsonSerializer.SerializeToElement(ToNode(document.RootElement)), Options).IsValid;
    }

    // The validator counts lengths in graphemes, and its $ also matches before a last line end.
    private static JsonNode? Translate(JsonNode? schema)
    {
        if (schema is JsonArray list)
            return new JsonArray([.. list.Select(Translate)]);
        if (schema is not JsonObject keywords)
            return schema?.DeepClone();
        var result = new JsonObject();
        var lengths = new JsonArray();
        foreach (var (keyword, value) in keywords)
        {
            switch (keyword)
            {
                case "minLength":
                    lengths.Add(new JsonObject { ["pattern"] = $"^{Character}{{{value},}}{End}" });
                    break;
                case "maxLength":
                    lengths.Add(new JsonObject { ["pattern"] = $"^{Character}{{0,{value}}}{End}" });
                    break;
                case "pattern":
                    result[keyword] = WithEnd(value!.GetValue<string>());
                    break;
                case "patternProperties":
                    result[keyword] = new JsonObject(value!.AsObject().Select(one => KeyValuePair.Create(WithEnd(one.Key), Translate(one.Value))));
                    break;
                case "enum" or "const":
                    result[keyword] = value?.DeepClone();
                    break;
                default:
                    result[keyword] = Translate(value);
                    break;
            }
        }
        if (lengths.Count > 0)
            result["allOf"] = result["allOf"] is { } others ? new JsonArray([.. lengths.Append(new JsonObject { ["allOf"] = others.DeepClone() }).Select(one => one!.DeepClone())]) : lengths;
        return result;
    }

    private static string WithEnd(string pattern) => pattern.Replace("$", End, StringComparison.Ordinal);

    private static bool CanCompare(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => value.EnumerateObject().All(member => CanCompare(member.Value)),
        JsonValueKind.Array => value.EnumerateArray().All(CanCompare),
        JsonValueKind.Number => value.TryGetDecimal(out _) && value.GetRawText().Count(char.IsAsciiDigit) <= MaxDigits,
        _ => true,
    };

    // A name that comes twice counts once, with its last value.
    private static JsonNode? ToNode(JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                var members = new JsonObject();
                foreach (var member in value.EnumerateObject())
                    members[member.Name] = ToNode(member.Value);
                return members;
            case JsonValueKind.Array:
                return new JsonArray([.. value.EnumerateArray().Select(ToNode)]);
            case JsonValueKind.Null:
                return null;
            default:
                return JsonValue.Create(value.Clone());
        }
    }
}
