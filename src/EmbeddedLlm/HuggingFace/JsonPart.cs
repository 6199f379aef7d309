using System.Globalization;
using System.Text.Json;

namespace EmbeddedLlm.HuggingFace;

/// <summary>A value in a JSON file of a model, and the way to it. Files come from strangers: what is missing or of another kind is a <see cref="ModelFormatException"/>.</summary>
internal readonly struct JsonPart
{
    private const int MaxDepth = 32;

    private readonly string _file;
    private readonly string _place;
    private readonly JsonElement _value;

    private JsonPart(string file, string place, JsonElement value) => (_file, _place, _value) = (file, place, value);

    public string File => _file;

    /// <summary>Whether the value is a string.</summary>
    public bool IsText => _value.ValueKind == JsonValueKind.String;

    /// <summary>Whether the value is a list.</summary>
    public bool IsList => _value.ValueKind == JsonValueKind.Array;

    public bool IsObject => _value.ValueKind == JsonValueKind.Object;

    public string Text => Read("a string", JsonValueKind.String, value => value.GetString()!);

    public bool Flag => _value.ValueKind is JsonValueKind.True or JsonValueKind.False ? _value.GetBoolean() : throw Wrong("true or false");

    public int Integer => _value.ValueKind == JsonValueKind.Number && _value.TryGetInt32(out var integer) ? integer : throw Wrong("an integer of 32 bits");

    public double Number => _value.ValueKind == JsonValueKind.Number && _value.TryGetDouble(out var number) && double.IsFinite(number) ? number : throw Wrong("a number");

    /// <summary>Entries of a list.</summary>
    public int Count => IsList ? _value.GetArrayLength() : throw Wrong("a list");

    /// <summary>The value as it stands in the file, without white space.</summary>
    public string Raw => _value.GetRawText();

    /// <summary>The value of a key; nothing where it is missing or null.</summary>
    public JsonPart? this[string key] => !IsObject ? throw Wrong("an object")
        : _value.TryGetProperty(key, out var value) && value.ValueKind != JsonValueKind.Null ? new JsonPart(_file, _place.Length == 0 ? key : $"{_place}.{key}", value)
        : null;

    /// <summary>Reads a file whose value is an object.</summary>
    public static JsonPart Read(string file, long maxBytes)
    {
        var length = new FileInfo(file).Length;
        if (length > maxBytes)
            throw new ModelFormatException($"{file}: expected at most {maxBytes} bytes, found {length}.");
        try
        {
            var value = JsonElement.Parse(System.IO.File.ReadAllBytes(file).AsSpan().TrimStart("\uFEFF"u8), new JsonDocumentOptions { MaxDepth = MaxDepth, AllowDuplicateProperties = false });
            return value.ValueKind == JsonValueKind.Object ? new JsonPart(file, "", value) : throw new ModelFormatException($"{file}: expected a JSON object, found {value.ValueKind}.");
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw new ModelFormatException($"{file}: expected JSON, found what is none: {exception.Message}", exception);
        }
    }

    public JsonPart Require(string key, string expected) => this[key] ?? throw new ModelFormatException($"{_file}: '{(_place.Length == 0 ? key : $"{_place}.{key}")}' is missing; expected {expected}.");

    public IEnumerable<JsonPart> Items()
    {
        if (!IsList)
            throw Wrong("a list");
        var index = 0;
        foreach (var item in _value.EnumerateArray())
            yield return new JsonPart(_file, $"{_place}[{(index++).ToString(CultureInfo.InvariantCulture)}]", item);
    }

    public IEnumerable<(string Key, JsonPart Value)> Members()
    {
        if (!IsObject)
            throw Wrong("an object");
        foreach (var member in _value.EnumerateObject())
        {
            // A key is text too, and may be no Unicode.
            var key = Decode(() => member.Name);
            yield return (key, new JsonPart(_file, _place, member.Value));
        }
    }

    public ModelFormatException Wrong(string expected) => Wrong(expected, _value.ValueKind is JsonValueKind.Object or JsonValueKind.Array ? $"{_value.ValueKind}" : Shorten(_value.GetRawText()));

    public ModelFormatException Wrong(string expected, string found) => new($"{_file}: '{_place}': expected {expected}, found {found}.");

    private static string Shorten(string text) => text.Length <= 100 ? text : $"{text[..100]}…";

    private T Read<T>(string expected, JsonValueKind kind, Func<JsonElement, T> get)
    {
        var value = _value;
        return value.ValueKind == kind ? Decode(() => get(value)) : throw Wrong(expected);
    }

    private T Decode<T>(Func<T> get)
    {
        try
        {
            return get();
        }
        catch (InvalidOperationException exception)
        {
            throw new ModelFormatException($"{_file}: '{_place}': expected text in Unicode, found half a surrogate pair or no UTF-8.", exception);
        }
    }
}
