using System.Text.Json.Nodes;

namespace EmbeddedLlm.Tests.Fuzzing;

/// <summary>Damages JSON documents and leaves them JSON: puts parts of one into another, renames, removes and wraps them.</summary>
internal sealed class JsonDamage
{
    private const int MaxChanges = 5;

    private static readonly string[] Odd = ["0", "-1", "1e400", "1E-300", "0.00001", "2147483648", "true", "null", "\"\"", "\"\\u0000\"", "\"a\\ud83d\\ude00\\u2028\"", "[]", "{}", "\"#\"", "\"#/$defs/a\""];

    private readonly JsonNode[] _documents;
    private readonly JsonNode?[] _parts;
    private readonly string[] _names;

    public JsonDamage(IEnumerable<string> documents)
    {
        _documents = [.. documents.Select(text => JsonNode.Parse(text)!)];
        var parts = _documents.SelectMany(Parts).ToArray();
        _parts = [.. parts, .. Odd.Select(text => JsonNode.Parse(text))];
        _names = [.. parts.OfType<JsonObject>().SelectMany(part => part.Select(member => member.Key)).Distinct()];
    }

    public string Next(Random random)
    {
        var root = new JsonArray(_documents[random.Next(_documents.Length)].DeepClone());
        for (var change = random.Next(1, MaxChanges); change > 0; change--)
        {
            var places = Parts(root).Where(part => part is JsonObject or JsonArray).ToArray();
            Change(places[random.Next(places.Length)]!, random);
        }
        return root.Count == 0 ? "{}" : root[0]?.ToJsonString() ?? "null";
    }

    private void Change(JsonNode place, Random random)
    {
        var part = Part(random);
        if (place is JsonArray list)
        {
            var at = random.Next(list.Count + 1);
            if (at == list.Count)
                list.Add(part);
            else if (random.Next(4) > 0)
                list[at] = part;
            else
                list.RemoveAt(at);
            return;
        }
        var members = place.AsObject();
        var name = _names[random.Next(_names.Length)];
        if (members.Count == 0 || random.Next(3) == 0)
        {
            members[name] = part;
            return;
        }
        var (key, value) = members.GetAt(random.Next(members.Count));
        switch (random.Next(4))
        {
            case 0:
                members.Remove(key);
                break;
            case 1:
                members.Remove(key);
                members[name] = value;
                break;
            case 2:
                members[key] = part;
                break;
            default:
                members[key] = new JsonObject { [name] = random.Next(2) == 0 ? value?.DeepClone() : new JsonArray(value?.DeepClone(), part) };
                break;
        }
    }

    private JsonNode? Part(Random random) => _parts[random.Next(_parts.Length)]?.DeepClone();

    private static IEnumerable<JsonNode?> Parts(JsonNode? node)
    {
        var inner = node switch
        {
            JsonObject members => members.Select(member => member.Value),
            JsonArray list => list,
            _ => [],
        };
        return inner.SelectMany(Parts).Prepend(node);
    }
}
