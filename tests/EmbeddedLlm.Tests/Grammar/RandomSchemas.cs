using System.Text.Json.Nodes;

namespace EmbeddedLlm.Tests.Grammar;

/// <summary>Writes random JSON schemas over the keywords that constraints enforce.</summary>
internal sealed class RandomSchemas(Random random)
{
    private static readonly string[] Names = ["a", "b", "name", "é\"", "long name"];
    private static readonly string[] Patterns = ["^[a-c]+$", "x", "^a|b$", "[0-9]{2}", "^(?!no)", "é"];

    public JsonNode Document()
    {
        var root = Schema(3);
        root["$defs"] = new JsonObject { ["one"] = Schema(1), ["list"] = new JsonObject { ["type"] = "array", ["items"] = new JsonObject { ["$ref"] = "#/$defs/list" }, ["maxItems"] = 2 } };
        return root;
    }

    private JsonObject Schema(int depth)
    {
        switch (random.Next(depth > 0 ? 13 : 5))
        {
            case 0:
                return Scalar("string", ("minLength", random.Next(3)), ("maxLength", random.Next(3, 8)));
            case 1:
                return Bounded();
            case 2:
                return new JsonObject { ["enum"] = new JsonArray("red", 1, null, true, 2.5, new JsonArray(1, "x"), new JsonObject { ["a"] = 1 }) };
            case 3:
                return new JsonObject { ["type"] = "string", ["pattern"] = Pick(Patterns) };
            case 4:
                return new JsonObject { ["type"] = new JsonArray("boolean", "null", "integer") };
            case 5 or 6:
                return Object(depth);
            case 7 or 8:
                return Array(depth);
            case 9:
                return new JsonObject { [Pick(["anyOf", "oneOf", "allOf"])] = new JsonArray(Schema(depth - 1), Schema(depth - 1)) };
            case 10:
                return new JsonObject { ["if"] = Schema(0), ["then"] = Schema(depth - 1), ["else"] = Schema(depth - 1) };
            case 11:
                return new JsonObject { ["not"] = Schema(0), ["type"] = new JsonArray("string", "integer", "object") };
            default:
                return new JsonObject { ["$ref"] = Pick(["#/$defs/one", "#/$defs/list"]) };
        }
    }

    private JsonObject Bounded()
    {
        var low = random.Next(-2000, 2000) / 8m;
        var schema = new JsonObject { ["type"] = Pick(["integer", "number"]), [Pick(["minimum", "exclusiveMinimum"])] = low };
        schema[Pick(["maximum", "exclusiveMaximum"])] = low + random.Next(1, 4000) / 4m + 2;
        if (random.Next(3) == 0)
            schema["multipleOf"] = Pick(["1", "0.5", "3", "0.01"]) is var step ? decimal.Parse(step, System.Globalization.CultureInfo.InvariantCulture) : 0;
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
        if (random.Next(4) == 0)
            schema["dependentRequired"] = new JsonObject { [Pick(Names)] = new JsonArray(Pick(Names)) };
        if (random.Next(5) == 0)
            schema["propertyNames"] = new JsonObject { ["maxLength"] = 5 };
        return schema;
    }

    private JsonObject Array(int depth)
    {
        var schema = Scalar("array", ("minItems", random.Next(3)), ("maxItems", random.Next(2, 5)));
        if (random.Next(2) == 0)
            schema["prefixItems"] = new JsonArray(Schema(depth - 1), Schema(depth - 1));
        if (random.Next(2) == 0)
            schema["items"] = Schema(depth - 1);
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
