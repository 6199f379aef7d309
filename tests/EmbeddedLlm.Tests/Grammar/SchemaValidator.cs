using System.Text.Json;
using System.Text.RegularExpressions;

namespace EmbeddedLlm.Tests.Grammar;

/// <summary>A plain validator for the keywords that <see cref="RandomSchemas"/> writes, against which constraints are held.</summary>
internal sealed class SchemaValidator(JsonElement root)
{
    public bool IsValid(JsonElement value) => IsValid(root, value);

    private bool IsValid(JsonElement schema, JsonElement value)
    {
        if (schema.ValueKind is JsonValueKind.True or JsonValueKind.False)
            return schema.ValueKind == JsonValueKind.True;
        return schema.EnumerateObject().All(keyword => Holds(schema, keyword.Name, keyword.Value, value));
    }

    private bool Holds(JsonElement schema, string keyword, JsonElement argument, JsonElement value)
    {
        var isNumber = value.ValueKind == JsonValueKind.Number;
        var number = isNumber ? Number(value) : 0;
        var isString = value.ValueKind == JsonValueKind.String;
        var length = isString ? value.GetString()!.EnumerateRunes().Count() : 0;
        var isArray = value.ValueKind == JsonValueKind.Array;
        var isObject = value.ValueKind == JsonValueKind.Object;
        switch (keyword)
        {
            case "type":
                return argument.ValueKind == JsonValueKind.Array ? argument.EnumerateArray().Any(type => IsType(type.GetString()!, value)) : IsType(argument.GetString()!, value);
            case "const":
                return AreEqual(argument, value);
            case "enum":
                return argument.EnumerateArray().Any(item => AreEqual(item, value));
            case "minimum":
                return !isNumber || number >= argument.GetDecimal();
            case "maximum":
                return !isNumber || number <= argument.GetDecimal();
            case "exclusiveMinimum":
                return !isNumber || number > argument.GetDecimal();
            case "exclusiveMaximum":
                return !isNumber || number < argument.GetDecimal();
            case "multipleOf":
                return !isNumber || number % argument.GetDecimal() == 0;
            case "minLength":
                return !isString || length >= argument.GetInt32();
            case "maxLength":
                return !isString || length <= argument.GetInt32();
            case "pattern":
                return !isString || Regex.IsMatch(value.GetString()!, argument.GetString()!, RegexOptions.ECMAScript);
            case "minItems":
                return !isArray || value.GetArrayLength() >= argument.GetInt32();
            case "maxItems":
                return !isArray || value.GetArrayLength() <= argument.GetInt32();
            case "prefixItems":
                return !isArray || argument.EnumerateArray().Zip(value.EnumerateArray()).All(pair => IsValid(pair.First, pair.Second));
            case "items":
                var skipped = schema.TryGetProperty("prefixItems", out var prefix) ? prefix.GetArrayLength() : 0;
                return !isArray || value.EnumerateArray().Skip(skipped).All(item => IsValid(argument, item));
            case "contains":
                return !isArray || Contains(schema, argument, value);
            case "required":
                return !isObject || argument.EnumerateArray().All(name => value.TryGetProperty(name.GetString()!, out _));
            case "minProperties":
                return !isObject || value.EnumerateObject().DistinctBy(p => p.Name).Count() >= argument.GetInt32();
            case "maxProperties":
                return !isObject || value.EnumerateObject().DistinctBy(p => p.Name).Count() <= argument.GetInt32();
            case "propertyNames":
                return !isObject || value.EnumerateObject().All(p => IsValid(argument, JsonSerializer.SerializeToElement(p.Name)));
            case "properties":
                return !isObject || value.EnumerateObject().All(p => !argument.TryGetProperty(p.Name, out var child) || IsValid(child, p.Value));
            case "patternProperties":
                return !isObject || value.EnumerateObject().All(p => argument.EnumerateObject().All(pattern => !Regex.IsMatch(p.Name, pattern.Name) || IsValid(pattern.Value, p.Value)));
            case "additionalProperties":
                return !isObject || value.EnumerateObject().Where(p => !IsNamed(schema, p.Name)).All(p => IsValid(argument, p.Value));
            case "dependentRequired":
                return !isObject || argument.EnumerateObject().All(d => !value.TryGetProperty(d.Name, out _) || d.Value.EnumerateArray().All(name => value.TryGetProperty(name.GetString()!, out _)));
            case "allOf":
                return argument.EnumerateArray().All(branch => IsValid(branch, value));
            case "anyOf":
                return argument.EnumerateArray().Any(branch => IsValid(branch, value));
            case "oneOf":
                return argument.EnumerateArray().Count(branch => IsValid(branch, value)) == 1;
            case "not":
                return !IsValid(argument, value);
            case "if":
                return !schema.TryGetProperty(IsValid(argument, value) ? "then" : "else", out var branchOf) || IsValid(branchOf, value);
            case "$ref":
                return IsValid(argument.GetString() == "#" ? root : root.GetProperty("$defs").GetProperty(argument.GetString()!["#/$defs/".Length..]), value);
            case "then" or "else" or "$defs" or "minContains" or "maxContains":
                return true;
            default:
                throw new NotSupportedException(keyword);
        }
    }

    private bool Contains(JsonElement schema, JsonElement argument, JsonElement value)
    {
        var count = value.EnumerateArray().Count(item => IsValid(argument, item));
        var min = schema.TryGetProperty("minContains", out var least) ? least.GetInt32() : 1;
        return count >= min && (!schema.TryGetProperty("maxContains", out var most) || count <= most.GetInt32());
    }

    private static bool IsNamed(JsonElement schema, string name) =>
        (schema.TryGetProperty("properties", out var properties) && properties.TryGetProperty(name, out _))
        || (schema.TryGetProperty("patternProperties", out var patterns) && patterns.EnumerateObject().Any(pattern => Regex.IsMatch(name, pattern.Name)));

    private static bool IsType(string type, JsonElement value) => type switch
    {
        "null" => value.ValueKind == JsonValueKind.Null,
        "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        "integer" => value.ValueKind == JsonValueKind.Number && value.GetRawText().Split('.') is var parts && (parts.Length == 1 || parts[1].All(digit => digit == '0')),
        "number" => value.ValueKind == JsonValueKind.Number,
        "string" => value.ValueKind == JsonValueKind.String,
        "array" => value.ValueKind == JsonValueKind.Array,
        _ => value.ValueKind == JsonValueKind.Object,
    };

    // Walks may write more digits than a decimal holds. Far out it does not matter where.
    private static decimal Number(JsonElement value)
    {
        if (value.TryGetDecimal(out var number))
            return number;
        return value.GetRawText().StartsWith('-') ? decimal.MinValue : decimal.MaxValue;
    }

    private static bool AreEqual(JsonElement x, JsonElement y) =>
        x.ValueKind == y.ValueKind && (x.ValueKind == JsonValueKind.Number ? Number(x) == Number(y) : JsonElement.DeepEquals(x, y));
}
