using System.Text.Json;
using System.Text.Json.Nodes;
using EmbeddedLlm.Grammar;

namespace EmbeddedLlm.Chat.Constraints;

/// <summary>
/// A schema whose objects have no properties but those it lists, where it lists any and says nothing of others. Else a model may go on to invent
/// properties, which the schema allows and nobody reads.
/// </summary>
internal static class ClosedSchema
{
    // Where several schemas hold for one object, none of them lists all of its properties.
    private static readonly string[] Joining =
        ["anyOf", "oneOf", "not", "if", "$ref", "$dynamicRef", "dependentSchemas", "patternProperties", "additionalProperties", "unevaluatedProperties"];

    private static readonly string[] Combining = ["allOf", "not", "if", "dependentSchemas", "unevaluatedProperties", "$dynamicRef", "$recursiveRef"];

    private static readonly string[] Branching = ["$ref", "anyOf", "oneOf"];

    private static readonly string[] Describing = ["properties", "required", "patternProperties", "additionalProperties", "minProperties", "maxProperties", "propertyNames"];

    private const int MaxDepth = 1024;                                      // what nests deeper than constraints may, they refuse themselves

    /// <summary>The schema that is enforced for an answer.</summary>
    public static JsonElement Of(JsonElement schema) => schema.ValueKind == JsonValueKind.Object ? Of(JsonObject.Create(schema)!) : schema;

    /// <summary>The schema that is enforced for the arguments of a tool, which are one object.</summary>
    /// <param name="schema">The tool's schema; undefined, or no object, where it has none.</param>
    public static JsonElement OfArguments(JsonElement schema)
    {
        var arguments = schema.ValueKind == JsonValueKind.Object ? (JsonObject)JsonObject.Create(schema)!.DeepClone() : new JsonObject { ["properties"] = new JsonObject() };
        if (arguments["type"] is not JsonValue type || type.GetValueKind() != JsonValueKind.String)
            arguments["type"] = "object";
        return Of(arguments);
    }

    private static JsonElement Of(JsonObject schema)
    {
        JsonObject closed;
        try
        {
            closed = (JsonObject)schema.DeepClone();
            if (IsPlain(closed))
                Close(closed);
        }
        catch (ArgumentException exception)
        {
            throw new ConstraintException("schema", "object", $"Each key was expected once: {exception.Message}");
        }

        return JsonElement.Parse(closed.ToJsonString(), new() { MaxDepth = MaxDepth });
    }

    // Whether each object is described in one place: what a reference or a branch adds to could not come if its target were closed.
    private static bool IsPlain(JsonNode? node) => node switch
    {
        JsonArray list => list.All(IsPlain),
        JsonObject schema => !Array.Exists(Combining, schema.ContainsKey)
            && (!Array.Exists(Branching, schema.ContainsKey) || !Array.Exists(Describing, schema.ContainsKey))
            && schema.All(member => IsPlain(member.Value)),
        _ => true,
    };

    private static void Close(JsonNode? node)
    {
        if (node is not JsonObject schema)
            return;
        var properties = schema["properties"] as JsonObject;
        if (properties is not null && !Array.Exists(Joining, schema.ContainsKey) && Required(schema).All(properties.ContainsKey))
            schema["additionalProperties"] = false;
        foreach (var (_, property) in properties ?? [])
            Close(property);
        Close(schema["items"]);
        foreach (var (_, definition) in schema["$defs"] as JsonObject ?? [])
            Close(definition);
        if (properties is not null)
            return;
        foreach (var branch in (schema["anyOf"] as JsonArray ?? []).Concat(schema["oneOf"] as JsonArray ?? []))
            Close(branch);
    }

    private static IEnumerable<string> Required(JsonObject schema) =>
        (schema["required"] as JsonArray ?? []).OfType<JsonValue>().Select(name => name.ToString());
}
