using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace EmbeddedLlm.Testing;

/// <summary>
/// A small instance of a JSON Schema (2020-12): the required properties, the fewest items, the first of several choices. Not every schema: what would
/// need a search (<c>pattern</c>, <c>not</c>, conditions) is refused by name.
/// </summary>
internal sealed class SchemaSample
{
    private const int MaxDepth = 64;

    private static readonly string[] Refused = ["pattern", "not", "if", "patternProperties", "propertyNames", "contains", "dependentSchemas", "$dynamicRef"];

    private readonly JsonElement _root;

    private SchemaSample(JsonElement root) => _root = root;

    /// <exception cref="StubAssertionException">The schema has a keyword that no sample is made for, or allows nothing.</exception>
    public static string Of(JsonElement schema) => new SchemaSample(schema).Make(schema, 0)?.ToJsonString() ?? "null";

    private JsonNode? Make(JsonElement schema, int depth)
    {
        if (depth > MaxDepth)
            throw Cannot("it requires itself without an end");
        if (schema.ValueKind == JsonValueKind.True)
            return new JsonObject();
        if (schema.ValueKind != JsonValueKind.Object)
            throw Cannot("it allows nothing");
        foreach (var keyword in Refused)
        {
            if (schema.TryGetProperty(keyword, out _))
                throw Cannot($"it has the keyword '{keyword}'");
        }

        if (schema.TryGetProperty("const", out var constant))
            return JsonNode.Parse(constant.GetRawText());
        if (schema.TryGetProperty("enum", out var values))
            return values.GetArrayLength() > 0 ? JsonNode.Parse(values[0].GetRawText()) : throw Cannot("its enum is empty");
        if (schema.TryGetProperty("$ref", out var reference))
            return Make(Resolve(reference.GetString()!), depth + 1);
        foreach (var choice in (ReadOnlySpan<string>)["anyOf", "oneOf"])
        {
            if (schema.TryGetProperty(choice, out var choices) && choices.GetArrayLength() > 0)
                return Make(choices[0], depth + 1);
        }

        if (schema.TryGetProperty("allOf", out var all))
            return MakeAll(schema, all, depth);
        return TypeOf(schema) switch
        {
            "object" => MakeObject(schema, depth),
            "array" => MakeArray(schema, depth),
            "string" => MakeString(schema),
            "integer" => MakeNumber(schema, isInteger: true),
            "number" => MakeNumber(schema, isInteger: false),
            "boolean" => JsonValue.Create(true),
            "null" => null,
            var other => throw Cannot($"it has the type '{other}'"),
        };
    }

    private static string TypeOf(JsonElement schema)
    {
        if (schema.TryGetProperty("type", out var type))
            return (type.ValueKind == JsonValueKind.Array ? type.EnumerateArray().First(one => one.GetString() != "null") : type).GetString()!;
        return schema.TryGetProperty("items", out _) || schema.TryGetProperty("prefixItems", out _) ? "array"
            : schema.TryGetProperty("minLength", out _) || schema.TryGetProperty("format", out _) ? "string"
            : schema.TryGetProperty("minimum", out _) || schema.TryGetProperty("maximum", out _) ? "number"
            : "object";
    }

    // Only objects are joined: that is what allOf is used for.
    private JsonObject MakeAll(JsonElement schema, JsonElement all, int depth)
    {
        var joined = MakeObject(schema, depth);
        foreach (var part in all.EnumerateArray())
        {
            if (Make(part, depth + 1) is not JsonObject properties)
                throw Cannot("its allOf joins other things than objects");
            foreach (var (name, value) in properties)
                joined.TryAdd(name, value?.DeepClone());
        }

        return joined;
    }

    private JsonObject MakeObject(JsonElement schema, int depth)
    {
        var made = new JsonObject();
        var properties = schema.TryGetProperty("properties", out var declared) ? declared : default;
        var names = schema.TryGetProperty("required", out var required)
            ? required.EnumerateArray().Select(name => name.GetString()!)
            : properties.ValueKind == JsonValueKind.Object && depth == 0 ? properties.EnumerateObject().Select(property => property.Name) : [];
        foreach (var name in names)
            made[name] = properties.ValueKind == JsonValueKind.Object && properties.TryGetProperty(name, out var property) ? Make(property, depth + 1) : new JsonObject();
        if (schema.TryGetProperty("minProperties", out var least) && made.Count < least.GetInt32())
            throw Cannot("it asks for more properties than it requires");
        return made;
    }

    private JsonArray MakeArray(JsonElement schema, int depth)
    {
        var made = new JsonArray();
        var prefix = schema.TryGetProperty("prefixItems", out var prefixes) ? prefixes.GetArrayLength() : 0;
        for (var i = 0; i < Math.Max(Count(schema, "minItems"), prefix); i++)
        {
            made.Add(i < prefix ? Make(prefixes[i], depth + 1)
                : schema.TryGetProperty("items", out var items) ? Make(items, depth + 1)
                : JsonValue.Create(i));
        }

        if (made.Count > 1 && schema.TryGetProperty("uniqueItems", out var unique) && unique.ValueKind == JsonValueKind.True)
            throw Cannot("it asks for several unique items");
        return made;
    }

    private static JsonValue MakeString(JsonElement schema)
    {
        var text = schema.TryGetProperty("format", out var format)
            ? format.GetString() switch
            {
                "date" => "2026-01-15",
                "time" => "12:34:56Z",
                "date-time" => "2026-01-15T12:34:56Z",
                "duration" => "PT1H",
                "email" => "name@example.com",
                "hostname" => "example.com",
                "ipv4" => "192.0.2.1",
                "ipv6" => "2001:db8::1",
                "uri" or "uri-reference" or "iri" => "https://example.com/",
                "uuid" => "00000000-0000-4000-8000-000000000000",
                _ => "text",
            }
            : "text";
        if (text.Length < Count(schema, "minLength"))
            text = text.PadRight(Count(schema, "minLength"), 't');
        if (schema.TryGetProperty("maxLength", out var most) && text.Length > most.GetInt32())
            text = text[..most.GetInt32()];
        return JsonValue.Create(text);
    }

    private static JsonValue MakeNumber(JsonElement schema, bool isInteger)
    {
        decimal? Limit(string keyword) => schema.TryGetProperty(keyword, out var limit) && limit.ValueKind == JsonValueKind.Number ? decimal.Parse(limit.GetRawText(), NumberStyles.Float, CultureInfo.InvariantCulture) : null;
        var step = Limit("multipleOf") ?? (isInteger ? 1 : 0);
        var smallest = step > 0 ? step : 0.5m;
        var low = Limit("minimum") ?? Limit("exclusiveMinimum") + smallest;
        var high = Limit("maximum") ?? Limit("exclusiveMaximum") - smallest;
        var value = low > 0 ? low.Value : high < 0 ? high.Value : 0;
        if (step > 0 && value % step != 0)
            value += value > 0 ? step - (value % step) : -(step + (value % step));
        if (value > high || value < low)
            throw Cannot("its limits leave no number that is easily found");
        return isInteger ? JsonValue.Create((long)value) : JsonValue.Create(value);
    }

    private static int Count(JsonElement schema, string keyword) => schema.TryGetProperty(keyword, out var count) ? count.GetInt32() : 0;

    private JsonElement Resolve(string reference)
    {
        if (!reference.StartsWith('#'))
            throw Cannot($"it refers to '{reference}'");
        var found = _root;
        foreach (var part in reference[1..].Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            var name = Uri.UnescapeDataString(part).Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
            if (found.ValueKind != JsonValueKind.Object || !found.TryGetProperty(name, out found))
                throw Cannot($"it refers to '{reference}', which is not there");
        }

        return found;
    }

    private static StubAssertionException Cannot(string why) => new($"No JSON is made for this schema, because {why}. Write the answer with Reply.");
}
