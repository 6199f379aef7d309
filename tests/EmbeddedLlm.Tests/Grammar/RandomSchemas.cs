using System.Globalization;
using System.Text.Json.Nodes;

namespace EmbeddedLlm.Tests.Grammar;

/// <summary>Writes random JSON schemas over the keywords that constraints enforce.</summary>
internal sealed class RandomSchemas(Random random)
{
    private static readonly string[] Names = ["a", "b", "name", "é\"", "long name", "\\ \n"];

    // Expressions that mean the same in ECMA-262 and in .NET, whose characters are halves of those beyond U+FFFF.
    private static readonly string[] Patterns =
    [
        "^[a-c]+$", "x", "^a|b$", "[0-9]{2}", "^(?!no)", "é", "^(ab|cd?)*$", "^[^x]*$", "^$", "-", "^(a{2,4}|[b-d]{3})$", "[A-Z][a-z]*[0-9]?$", "^\\d+(\\.\\d+)?$", "\\w-\\w", "\"",
    ];

    // Not email, whose names in quotes the validator does not know, nor uri, which it wants longer than "a:".
    private static readonly string[] FormatNames = ["date", "time", "date-time", "duration", "uuid", "ipv4", "ipv6", "hostname"];

    public JsonObject Document()
    {
        var root = Schema(3);
        root["$schema"] = "https://json-schema.org/draft/2020-12/schema";
        root["$defs"] = new JsonObject
        {
            ["one"] = random.Next(2) == 0 ? Schema(0) : Object(2),
            ["list"] = new JsonObject { ["type"] = "array", ["items"] = Reference("list"), ["maxItems"] = 2 },
            ["tree"] = new JsonObject
            {
                ["type"] = "object",
                ["properties"] = new JsonObject { ["value"] = Schema(0), ["left"] = Reference("tree"), ["right"] = new JsonObject { ["anyOf"] = new JsonArray(Reference("tree"), new JsonObject { ["type"] = "null" }) } },
                ["required"] = new JsonArray("value"),
                ["additionalProperties"] = false,
            },
        };
        return root;
    }

    private JsonObject Schema(int depth)
    {
        switch (random.Next(depth > 0 ? 15 : 7))
        {
            case 0:
                return Scalar("string", ("minLength", random.Next(3)), ("maxLength", random.Next(3, 30)));
            case 1:
                return Bounded();
            case 2:
                return Constants();
            case 3:
                return Text();
            case 4:
                return new JsonObject { ["type"] = new JsonArray("boolean", "null", "integer") };
            case 5:
                return new JsonObject { ["type"] = "string", ["format"] = Pick(FormatNames) };
            case 6:
                return new JsonObject { ["type"] = Pick(["string", "number", "integer", "boolean", "null"]) };
            case 7 or 8:
                return Object(depth);
            case 9 or 10:
                return Array(depth);
            case 11:
                return new JsonObject { [Pick(["anyOf", "oneOf", "allOf"])] = new JsonArray([.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => (JsonNode)Schema(depth - 1))]) };
            case 12:
                return new JsonObject { ["if"] = Schema(0), ["then"] = Schema(depth - 1), ["else"] = Schema(depth - 1) };
            case 13:
                return new JsonObject { ["not"] = Schema(0), ["type"] = new JsonArray("string", "integer", "object") };
            default:
                return Reference(Pick(["one", "list", "tree"]));
        }
    }

    private static JsonObject Reference(string name) => new() { ["$ref"] = $"#/$defs/{name}" };

    private JsonObject Constants()
    {
        JsonNode?[] values = ["red", "re", "\"q\\/\n\u0001é😀", "", 1, 0, -0.5, 1200, null, true, 2.5, new JsonArray(1, "x", new JsonArray()), new JsonObject { ["a"] = 1, ["\t"] = new JsonObject() }, new JsonObject()];
        if (random.Next(4) == 0)
            return new JsonObject { ["const"] = values[random.Next(values.Length)] };
        var chosen = values.Where(_ => random.Next(3) == 0).DefaultIfEmpty("red").ToArray();
        return new JsonObject { ["enum"] = new JsonArray(chosen) };
    }

    private JsonObject Text()
    {
        var schema = new JsonObject { ["type"] = "string", ["pattern"] = Pick(Patterns) };
        if (random.Next(4) == 0)
            schema["minLength"] = random.Next(6);
        if (random.Next(4) == 0)
            schema["maxLength"] = random.Next(4, 40);
        return schema;
    }

    private JsonObject Bounded()
    {
        var low = random.Next(-2000, 2000) / 8m;
        var schema = new JsonObject { ["type"] = Pick(["integer", "number"]), [Pick(["minimum", "exclusiveMinimum"])] = low };
        if (random.Next(4) > 0)
            schema[Pick(["maximum", "exclusiveMaximum"])] = low + random.Next(1, 4000) / 4m + 2;
        if (random.Next(3) == 0)
            schema["multipleOf"] = decimal.Parse(Pick(["1", "0.5", "3", "0.01"]), CultureInfo.InvariantCulture);
        return schema;
    }

    private JsonObject Object(int depth)
    {
        var names = Names.Where(_ => random.Next(2) == 0).ToArray();
        var schema = new JsonObject { ["type"] = "object", ["properties"] = new JsonObject(names.Select(name => KeyValuePair.Create(name, (JsonNode?)Schema(depth - 1)))) };
        if (random.Next(2) == 0)
            schema["required"] = new JsonArray([.. Names.Where(_ => random.Next(3) == 0).Select(name => (JsonNode)name)]);
        if (random.Next(2) == 0)
            schema["additionalProperties"] = random.Next(2) == 0 ? JsonValue.Create(false) : Schema(0);
        if (random.Next(4) == 0)
            schema["patternProperties"] = new JsonObject { [Pick(["^[a-c]+$", "x", "m"])] = Schema(0) };
        if (random.Next(4) == 0)
            schema["maxProperties"] = random.Next(1, 4);
        if (random.Next(6) == 0)
            schema["minProperties"] = random.Next(1, 3);
        if (random.Next(4) == 0)
            schema["dependentRequired"] = new JsonObject { [Pick(Names)] = new JsonArray(Pick(Names)) };
        if (random.Next(6) == 0)
            schema["dependentSchemas"] = new JsonObject { [Pick(Names)] = new JsonObject { ["properties"] = new JsonObject { [Pick(Names)] = Schema(0) } } };
        if (random.Next(5) == 0)
            schema["propertyNames"] = random.Next(2) == 0 ? new JsonObject { ["maxLength"] = 5 } : new JsonObject { ["pattern"] = Pick(Patterns) };
        return schema;
    }

    private JsonObject Array(int depth)
    {
        var schema = Scalar("array", ("minItems", random.Next(3)), ("maxItems", random.Next(2, 5)));
        if (random.Next(2) == 0)
            schema["prefixItems"] = new JsonArray(Schema(depth - 1), Schema(depth - 1));
        if (random.Next(2) == 0)
            schema["items"] = random.Next(5) == 0 ? JsonValue.Create(false) : Schema(depth - 1);
        if (random.Next(3) == 0)
        {
            schema["contains"] = Schema(0);
            schema["minContains"] = random.Next(3);
            if (random.Next(2) == 0)
                schema["maxContains"] = random.Next(2, 4);
        }
        return schema;
    }

    private JsonObject Scalar(string type, params ReadOnlySpan<(string Keyword, int Value)> keywords)
    {
        var schema = new JsonObject { ["type"] = type };
        foreach (var (keyword, value) in keywords)
        {
            if (random.Next(2) == 0)
                schema[keyword] = value;
        }
        return schema;
    }

    private string Pick(string[] choices) => choices[random.Next(choices.Length)];
}
