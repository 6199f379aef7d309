using System.Text.Json;
using System.Text.Json.Nodes;

namespace EmbeddedLlm.Chat.Constraints;

/// <summary>The schema of a tool's arguments as it is enforced: they are an object, and where the schema lists its properties, no others come.</summary>
internal static class ToolSchema
{
    // Where several schemas hold for one object, none of them lists all of its properties.
    private static readonly string[] Joining = ["allOf", "anyOf", "oneOf", "$ref", "$dynamicRef", "if", "dependentSchemas", "patternProperties", "additionalProperties", "unevaluatedProperties"];

    /// <summary>The schema that is enforced.</summary>
    /// <param name="schema">The tool's schema; undefined, or no object, where it has none.</param>
    public static JsonElement Of(JsonElement schema)
    {
        var enforced = schema.ValueKind == JsonValueKind.Object ? JsonObject.Create(schema.Clone())! : new JsonObject { ["properties"] = new JsonObject() };
        if (enforced["type"] is not JsonValue type || type.GetValueKind() != JsonValueKind.String)
            enforced["type"] = "object";
        Close(enforced);
        return JsonElement.Parse(enforced.ToJsonString());
    }

    // Else a model may go on to invent arguments, which the schema allows and nobody reads.
    private static void Close(JsonObject schema)
    {
        if (schema["properties"] is not JsonObject properties)
            return;
        if (!Array.Exists(Joining, schema.ContainsKey))
            schema["additionalProperties"] = false;
        foreach (var property in properties.Select(property => property.Value).OfType<JsonObject>())
            Close(property);
    }
}
