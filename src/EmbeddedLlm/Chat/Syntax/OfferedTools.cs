using System.Globalization;
using System.Text.Json;

namespace EmbeddedLlm.Chat.Syntax;

/// <summary>The tools that a request offers: their names and the schemas of their arguments.</summary>
internal sealed class OfferedTools
{
    /// <summary>No tools.</summary>
    public static readonly OfferedTools None = new([]);

    private readonly OrderedDictionary<string, JsonElement> _schemas = new(StringComparer.Ordinal);

    /// <summary>Tools by name; of two with one name the later counts.</summary>
    public OfferedTools(IEnumerable<(string Name, JsonElement Schema)> tools)
    {
        foreach (var (name, schema) in tools)
            _schemas[name] = schema;
    }

    /// <summary>Whether there is none.</summary>
    public bool IsEmpty => _schemas.Count == 0;

    /// <summary>The names, in the order given.</summary>
    public IEnumerable<string> Names => _schemas.Keys;

    /// <summary>Equal for equal tools.</summary>
    public string Key => string.Concat(_schemas.Select(tool => $"{tool.Key.Length}:{tool.Key}{(tool.Value.ValueKind == JsonValueKind.Undefined ? "" : tool.Value.GetRawText())}"));

    /// <summary>The tool of this name alone.</summary>
    public OfferedTools Only(string name) => new([(name, _schemas[name])]);

    /// <summary>The schema of a tool's arguments; undefined where it has none.</summary>
    public JsonElement Schema(string name) => _schemas[name];

    /// <summary>Whether a tool has this name.</summary>
    public bool Contains(string name) => _schemas.ContainsKey(name);

    /// <summary>The schema of a parameter; undefined where it has none.</summary>
    public JsonElement Parameter(string tool, string parameter) =>
        _schemas.TryGetValue(tool, out var schema) && schema.ValueKind == JsonValueKind.Object
        && schema.TryGetProperty("properties", out var properties) && properties.ValueKind == JsonValueKind.Object
        && properties.TryGetProperty(parameter, out var found) ? found : default;

    /// <summary>What a local reference in a tool's schema, such as <c>#/$defs/Zip</c>, stands for; undefined where there is nothing.</summary>
    public JsonElement Resolve(string tool, string reference)
    {
        if (!reference.StartsWith('#') || !_schemas.TryGetValue(tool, out var found))
            return default;
        foreach (var step in reference[1..].Split('/').Skip(1))
        {
            var name = Uri.UnescapeDataString(step).Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
            var isFound = found.ValueKind switch
            {
                JsonValueKind.Object => found.TryGetProperty(name, out found),
                JsonValueKind.Array when int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index < found.GetArrayLength() => (found = found[index]).ValueKind != JsonValueKind.Undefined,
                _ => false,
            };
            if (!isFound)
                return default;
        }

        return found;
    }
}
