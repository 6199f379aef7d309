using System.Diagnostics.CodeAnalysis;

namespace EmbeddedLlm.Gguf;

/// <summary>
/// The key-value pairs of a GGUF file, in the order of the file. Typed look-ups accept every type that holds the value without loss
/// (any integer type for <see cref="GetInt(string)"/>, any number for <see cref="GetFloat(string)"/>);
/// what is missing or of another kind is a <see cref="ModelFormatException"/> that names key, expected and found.
/// A fallback stands in for a missing key only, never for a wrong type.
/// </summary>
public sealed class GgufMetadata
{
    private readonly OrderedDictionary<string, GgufValue> _values;

    internal GgufMetadata(string source, OrderedDictionary<string, GgufValue> values)
    {
        Source = source;
        _values = values;
    }

    /// <summary>The file, for messages.</summary>
    internal string Source { get; }

    /// <summary>The keys in the order of the file.</summary>
    public IEnumerable<string> Keys => _values.Keys;

    /// <summary>The number of keys.</summary>
    public int Count => _values.Count;

    /// <summary>The value of a key, of whatever type.</summary>
    /// <exception cref="ModelFormatException">The key is missing.</exception>
    public GgufValue this[string key] => _values.TryGetValue(key, out var value) ? value : throw Missing(key, "a value");

    /// <summary>Whether the key is there.</summary>
    public bool Contains(string key) => _values.ContainsKey(key);

    /// <summary>Finds the value of a key.</summary>
    public bool TryGet(string key, [NotNullWhen(true)] out GgufValue? value) => _values.TryGetValue(key, out value);

    /// <summary>A string. Bytes that are no UTF-8 become U+FFFD.</summary>
    public string GetString(string key) => Find(key, "a string") is { Type: GgufValueType.String } value ? value.Strings()[0] : throw Wrong(key, "a string");

    /// <summary>A string, or <paramref name="fallback"/> where the key is missing.</summary>
    [return: NotNullIfNotNull(nameof(fallback))]
    public string? GetString(string key, string? fallback) => Contains(key) ? GetString(key) : fallback;

    /// <summary>A 32-bit integer.</summary>
    public int GetInt(string key) => ToInt(GetLong(key), key);

    /// <summary>A 32-bit integer, or <paramref name="fallback"/> where the key is missing.</summary>
    public int GetInt(string key, int fallback) => Contains(key) ? GetInt(key) : fallback;

    /// <summary>A 64-bit integer.</summary>
    public long GetLong(string key) => Find(key, "an integer") is { IsArray: false } value && value.TryGetInteger(0, out var integer) ? integer : throw Wrong(key, "an integer");

    /// <summary>A 64-bit integer, or <paramref name="fallback"/> where the key is missing.</summary>
    public long GetLong(string key, long fallback) => Contains(key) ? GetLong(key) : fallback;

    /// <summary>A number.</summary>
    public float GetFloat(string key) => Find(key, "a number") is { IsArray: false } value && value.TryGetNumber(0, out var number) ? (float)number : throw Wrong(key, "a number");

    /// <summary>A number, or <paramref name="fallback"/> where the key is missing.</summary>
    public float GetFloat(string key, float fallback) => Contains(key) ? GetFloat(key) : fallback;

    /// <summary>A Boolean.</summary>
    public bool GetBool(string key) => Find(key, "a Boolean") is { Type: GgufValueType.Bool } value ? value.Bools()[0] : throw Wrong(key, "a Boolean");

    /// <summary>A Boolean, or <paramref name="fallback"/> where the key is missing.</summary>
    public bool GetBool(string key, bool fallback) => Contains(key) ? GetBool(key) : fallback;

    /// <summary>An array of strings. Each call decodes it anew.</summary>
    public IReadOnlyList<string> GetStrings(string key) => FindArray(key, "an array of strings", t => t == GgufValueType.String).Strings();

    /// <summary>An array of 32-bit integers.</summary>
    public IReadOnlyList<int> GetInts(string key)
    {
        var value = FindArray(key, "an array of integers", IsInteger);
        var integers = new int[value.Count];
        for (var i = 0; i < integers.Length; i++)
            integers[i] = value.TryGetInteger(i, out var integer) ? ToInt(integer, key) : throw Wrong(key, "an array of integers");
        return integers;
    }

    /// <summary>An array of numbers.</summary>
    public IReadOnlyList<float> GetFloats(string key)
    {
        var value = FindArray(key, "an array of numbers", t => IsInteger(t) || t is GgufValueType.Float32 or GgufValueType.Float64);
        var numbers = new float[value.Count];
        for (var i = 0; i < numbers.Length; i++)
            numbers[i] = value.TryGetNumber(i, out var number) ? (float)number : throw Wrong(key, "an array of numbers");
        return numbers;
    }

    /// <summary>An array of Booleans.</summary>
    public IReadOnlyList<bool> GetBools(string key) => FindArray(key, "an array of Booleans", t => t == GgufValueType.Bool).Bools();

    /// <summary>The exception for a value that has the right type and says what cannot be.</summary>
    internal ModelFormatException Wrong(string key, string expected, string found) => new($"{Source}: metadata key '{key}': expected {expected}, found {found}.");

    private static bool IsInteger(GgufValueType type) =>
        GgufValue.SizeOf(type) > 0 && type is not (GgufValueType.Bool or GgufValueType.Float32 or GgufValueType.Float64);

    private int ToInt(long integer, string key) => integer is >= int.MinValue and <= int.MaxValue
        ? (int)integer
        : throw Wrong(key, "an integer of 32 bits", integer.ToString());

    private GgufValue Find(string key, string expected) => _values.TryGetValue(key, out var value) ? value : throw Missing(key, expected);

    private GgufValue FindArray(string key, string expected, Func<GgufValueType, bool> accepts) =>
        Find(key, expected) is { IsArray: true } value && accepts(value.ElementType) ? value : throw Wrong(key, expected);

    private ModelFormatException Missing(string key, string expected) => new($"{Source}: metadata key '{key}' is missing; expected {expected}.");

    private ModelFormatException Wrong(string key, string expected) =>
        Wrong(key, expected, $"{(_values[key].IsArray ? "an array of " : "")}{_values[key].ElementType} ({_values[key]})");
}
