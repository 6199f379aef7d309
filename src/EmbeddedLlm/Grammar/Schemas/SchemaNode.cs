using System.Text.Json;

namespace EmbeddedLlm.Grammar.Schemas;

/// <summary>One schema inside a document.</summary>
/// <param name="Id">Its number in the document.</param>
/// <param name="Json">An object or a boolean.</param>
/// <param name="Pointer">Where it stands, as a JSON pointer.</param>
/// <param name="Base">The URI that its references are relative to.</param>
internal sealed record SchemaNode(int Id, JsonElement Json, string Pointer, string Base)
{
    public bool TryGet(string keyword, out JsonElement value)
    {
        value = default;
        return Json.ValueKind == JsonValueKind.Object && Json.TryGetProperty(keyword, out value);
    }

    public ConstraintException Wrong(string keyword, string message) => new(Pointer.Length == 0 ? "#" : "#" + Pointer, keyword, message);
}
