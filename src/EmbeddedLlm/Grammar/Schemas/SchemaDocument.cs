using System.Runtime.InteropServices;
using System.Text.Json;

namespace EmbeddedLlm.Grammar.Schemas;

/// <summary>
/// A schema document with its parts by place, and the names that references find: <c>$id</c>, <c>$anchor</c>, <c>$dynamicAnchor</c>.
/// Nothing is fetched: what the document does not hold cannot be referred to.
/// </summary>
internal sealed class SchemaDocument
{
    private const string NoBase = "schema:/root";

    // Keywords that hold a schema or a list of them, and those that hold schemas by name. Under others nothing has a name, whatever it looks like.
    private static readonly HashSet<string> Schemas =
    [
        "allOf", "anyOf", "oneOf", "not", "if", "then", "else", "items", "prefixItems", "additionalItems", "contains", "unevaluatedItems",
        "additionalProperties", "unevaluatedProperties", "propertyNames", "contentSchema",
    ];

    private static readonly HashSet<string> Maps = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"];

    private readonly Dictionary<string, SchemaNode> _byPointer = [];
    private readonly Dictionary<string, SchemaNode> _byUri = [];
    private readonly Dictionary<string, int> _dynamicAnchors = [];
    private readonly JsonElement _root;

    public SchemaDocument(JsonElement root)
    {
        _root = root;
        // Only an escape can write half a surrogate pair.
        if (JsonMarshal.GetRawUtf8Value(root).IndexOf("\\u"u8) >= 0)
            CheckTexts(root, "#");
        Root = Add(root, "", NoBase);
        Index(root, "", NoBase, isSchema: true, 0);
    }

    public SchemaNode Root { get; }

    /// <summary>Schemas that were met.</summary>
    public int Count => _byPointer.Count;

    /// <summary>Whether any schema looks at what its neighbours evaluated.</summary>
    public bool HasUnevaluated { get; private set; }

    /// <summary>The schema under a keyword.</summary>
    public SchemaNode Child(SchemaNode parent, JsonElement json, params ReadOnlySpan<string> path)
    {
        var pointer = parent.Pointer;
        foreach (var step in path)
            pointer += "/" + step.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);
        return _byPointer.TryGetValue(pointer, out var known) ? known : Add(json, pointer, parent.Base);
    }

    /// <summary>The schema that a reference names.</summary>
    public SchemaNode Resolve(SchemaNode from, string reference, string keyword)
    {
        var uri = Join(from.Base, reference);
        var hash = uri.IndexOf('#', StringComparison.Ordinal);
        var (resource, fragment) = hash < 0 ? (uri, "") : (uri[..hash], Uri.UnescapeDataString(uri[(hash + 1)..]));
        if (keyword == "$dynamicRef" && _dynamicAnchors.GetValueOrDefault(fragment) > 1)
            throw from.Wrong(keyword, $"'{reference}' means one of several schemas, by how it was reached, which is not supported.");
        if (_byUri.TryGetValue(fragment.Length == 0 ? resource : $"{resource}#{fragment}", out var named))
            return named;
        if (!_byUri.TryGetValue(resource, out var start))
            throw from.Wrong(keyword, $"A schema of this document was expected, '{reference}' lies elsewhere. Nothing is fetched.");
        return fragment.StartsWith('/') ? Walk(from, start, fragment, reference, keyword) : throw from.Wrong(keyword, $"A schema of this document was expected, '{reference}' names none.");
    }

    private SchemaNode Walk(SchemaNode from, SchemaNode start, string fragment, string reference, string keyword)
    {
        var json = start.Json;
        var pointer = start.Pointer;
        var baseUri = start.Base;
        foreach (var step in fragment[1..].Split('/'))
        {
            var name = step.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
            JsonElement next = default;
            var found = json.ValueKind switch
            {
                JsonValueKind.Object => json.TryGetProperty(name, out next),
                JsonValueKind.Array => int.TryParse(name, out var index) && index >= 0 && index < json.GetArrayLength() && (next = json[index]).ValueKind != JsonValueKind.Undefined,
                _ => false,
            };
            if (!found)
                throw from.Wrong(keyword, $"A schema of this document was expected, '{reference}' names none.");
            json = next;
            pointer += "/" + step;
            if (_byPointer.TryGetValue(pointer, out var node))
                baseUri = node.Base;
        }
        return _byPointer.TryGetValue(pointer, out var known) ? known : Add(json, pointer, baseUri);
    }

    private SchemaNode Add(JsonElement json, string pointer, string baseUri)
    {
        var node = new SchemaNode(_byPointer.Count, json, pointer, baseUri);
        _byPointer[pointer] = node;
        if (pointer.Length == 0)
            _byUri.TryAdd(baseUri, node);
        return node;
    }

    // Finds what has a name, and every place whose base another one changes.
    private void Index(JsonElement json, string pointer, string baseUri, bool isSchema, int depth)
    {
        if (depth > ConstraintLimits.Depth)
            throw new ConstraintException("#" + pointer, "depth", $"At most {ConstraintLimits.Depth} levels were expected, more were found.", isLimit: true);
        if (json.ValueKind == JsonValueKind.Array)
        {
            var index = 0;
            foreach (var item in json.EnumerateArray())
                Index(item, $"{pointer}/{index++}", baseUri, isSchema, depth + 1);
        }
        if (json.ValueKind != JsonValueKind.Object)
            return;
        if (isSchema)
            baseUri = AddNames(json, pointer, baseUri);
        foreach (var property in json.EnumerateObject())
        {
            if (isSchema && !Schemas.Contains(property.Name) && !Maps.Contains(property.Name))
                continue;
            HasUnevaluated |= isSchema && property.Name is "unevaluatedProperties" or "unevaluatedItems";
            var step = property.Name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);
            Index(property.Value, $"{pointer}/{step}", baseUri, !(isSchema && Maps.Contains(property.Name)), depth + 1);
        }
    }

    private string AddNames(JsonElement json, string pointer, string baseUri)
    {
        if (json.TryGetProperty("$id", out var id) && id.ValueKind == JsonValueKind.String)
            baseUri = Join(baseUri, id.GetString()!).TrimEnd('#');
        SchemaNode? node = null;
        if (pointer.Length > 0)
            node = _byPointer[pointer] = new SchemaNode(_byPointer.Count, json, pointer, baseUri);
        else if (baseUri != NoBase)
            node = _byPointer[""] = Root with { Base = baseUri };
        node ??= Root;
        if (json.TryGetProperty("$id", out _))
            _byUri.TryAdd(baseUri, node);
        if (json.TryGetProperty("$anchor", out var anchor) && anchor.ValueKind == JsonValueKind.String)
            _byUri.TryAdd($"{baseUri}#{anchor.GetString()}", node);
        if (json.TryGetProperty("$dynamicAnchor", out var dynamicAnchor) && dynamicAnchor.ValueKind == JsonValueKind.String)
        {
            _byUri.TryAdd($"{baseUri}#{dynamicAnchor.GetString()}", node);
            _dynamicAnchors[dynamicAnchor.GetString()!] = _dynamicAnchors.GetValueOrDefault(dynamicAnchor.GetString()!) + 1;
        }
        return baseUri;
    }

    private static void CheckTexts(JsonElement json, string place)
    {
        ConstraintLimits.CheckStack();
        try
        {
            switch (json.ValueKind)
            {
                case JsonValueKind.Object:
                    foreach (var property in json.EnumerateObject())
                        CheckTexts(property.Value, $"{place}/{property.Name}");
                    break;
                case JsonValueKind.Array:
                    foreach (var item in json.EnumerateArray())
                        CheckTexts(item, place);
                    break;
                case JsonValueKind.String:
                    json.GetString();
                    break;
            }
        }
        catch (InvalidOperationException)
        {
            throw new ConstraintException(place, "string", "Whole characters were expected, half a surrogate pair was found.");
        }
    }

    private static string Join(string baseUri, string reference) =>
        Uri.TryCreate(baseUri, UriKind.Absolute, out var start) && Uri.TryCreate(start, reference, out var joined)
            ? joined.OriginalString.Length > 0 && joined.IsAbsoluteUri ? joined.AbsoluteUri : joined.ToString()
            : reference.StartsWith('#') ? baseUri + reference : reference;
}
