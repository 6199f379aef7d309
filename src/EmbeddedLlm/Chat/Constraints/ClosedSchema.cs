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
    private static readonly string[] Combining = ["allOf", "not", "if", "dependentSchemas", "unevaluatedProperties", "$dynamicRef", "$recursiveRef"];

    private static readonly string[] Branching = ["$ref", "anyOf", "oneOf"];

    private static readonly string[] Describing = ["properties", "required", "patternProperties", "additionalProperties", "minProperties", "maxProperties", "propertyNames"];

    private const int MaxDepth = 1024;                                      // what nests deeper than constraints may, they refuse themselves

    /// <summary>The schema that is enforced for an answer.</summary>
    /// <exception cref="ConstraintException">A key comes twice in an object.</exception>
    public static JsonElement Of(JsonElement schema) => schema.ValueKind == JsonValueKind.Object ? Closed(JsonObject.Create(schema)!, isArguments: false) : schema;

    /// <summary>The schema that is enforced for the arguments of a tool, which are one object.</summary>
    /// <param name="schema">The tool's schema; undefined, or no object, where it has none.</param>
    /// <exception cref="ConstraintException">A key comes twice in an object.</exception>
    public static JsonElement OfArguments(JsonElement schema) =>
        Closed(schema.ValueKind == JsonValueKind.Object ? JsonObject.Create(schema)! : new() { ["properties"] = new JsonObject() }, isArguments: true);

    private static JsonElement Closed(JsonObject schema, bool isArguments)
    {
        try
        {
            if (isArguments && (schema["type"] is not JsonValue type || type.GetValueKind() != JsonValueKind.String))
                schema["type"] = "object";
            if (IsPlain(schema))
                Close(schema);
        }
        catch (ArgumentException exception)
        {
            throw new ConstraintException("schema", "object", $"Each key was expected once: {exception.Message}");
        }

        return JsonElement.Parse(schema.ToJsonString(), new() { MaxDepth = MaxDepth });
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
        if (properties is not null && !schema.ContainsKey("additionalProperties") && !schema.ContainsKey("patternProperties") && Required(schema).All(properties.ContainsKey))
            schema["additionalProperties"] = false;
        foreach (var (_, property) in properties ?? [])
            Close(property);
        Close(schema["items"]);
        foreach (var (_, definition) in schema["$defs"] as JsonObject ?? [])
            Close(definition);
        foreach (var branch in (schema["anyOf"] as JsonArray ?? []).Concat(schema["oneOf"] as JsonArray ?? []))
            Close(branch);
    }

    private static IEnumerable<string> Required(JsonObject schema) =>
        (schema["required"] as JsonArray ?? []).OfType<JsonValue>().Select(name => name.ToString());
}
