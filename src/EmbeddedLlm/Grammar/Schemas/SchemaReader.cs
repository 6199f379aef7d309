using System.Text.Json;
using EmbeddedLlm.Grammar.Automata;
using EmbeddedLlm.Grammar.Text;

namespace EmbeddedLlm.Grammar.Schemas;

/// <summary>Reads what the keywords of a schema allow, JSON Schema 2020-12 with the older spellings that are still common.</summary>
internal sealed class SchemaReader
{
    private const int MaxUnionForUnevaluated = 4;

    // Keywords that say nothing about which values are valid, or are read beside another.
    private static readonly HashSet<string> Silent =
    [
        "$id", "$anchor", "$dynamicAnchor", "$defs", "definitions", "$comment", "$vocabulary", "title", "description", "default", "examples",
        "deprecated", "readOnly", "writeOnly", "contentEncoding", "contentMediaType", "contentSchema", "then", "else", "minContains", "maxContains",
        "additionalProperties", "patternProperties", "items", "additionalItems", "unevaluatedProperties", "unevaluatedItems",
    ];

    private readonly SchemaDocument _document;
    private readonly ConstraintOptions _options;
    private readonly List<string> _warnings;
    private readonly ExprPool _pool;
    private readonly ValueAlgebra _algebra;
    private readonly List<SchemaNode> _nodes = [];
    private readonly Dictionary<SchemaNode, int> _numbers = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<int, JsonValues?> _read = [];
    private readonly Dictionary<string, JsonValues> _sets = [];

    public SchemaReader(SchemaDocument document, ConstraintOptions options, ExprPool pool, Derivatives derivatives, List<string> warnings)
    {
        (_document, _options, _pool, _warnings) = (document, options, pool, warnings);
        _algebra = new ValueAlgebra(pool, derivatives, Read);
    }

    public ValueAlgebra Algebra => _algebra;

    public SchemaSet Root => SetOf(_document.Root);

    /// <summary>The values that all schemas of a set allow.</summary>
    public JsonValues Read(SchemaSet set)
    {
        if (set.IsNever)
            return _algebra.Nothing;
        if (_sets.TryGetValue(set.Key, out var known))
            return known;
        var values = _algebra.Anything;
        foreach (var (id, isNegated) in set.Members)
            values = _algebra.And(values, isNegated ? Negated(_nodes[id], "not") : Read(_nodes[id]));
        return _sets[set.Key] = values with { Objects = [.. values.Objects.Select(WithoutNamed)] };
    }

    // Kinds of other names are those of names that are not listed; where none is left, the kind must not count as a way to more properties.
    private ObjectShape WithoutNamed(ObjectShape shape)
    {
        if (shape.Named.Count == 0 || shape.Others.All(kind => kind.Keys == _algebra.Strings.Any))
            return shape;
        var named = _pool.Choice([.. shape.Named.Select(one => (JsonStrings.Spell(one.Key), _pool.Empty))]);
        return shape with { Others = _algebra.Split(shape.Others, named, SchemaSet.Never, SchemaSet.Always) };
    }

    private SchemaSet SetOf(SchemaNode node)
    {
        if (node.Json.ValueKind == JsonValueKind.True)
            return SchemaSet.Always;
        if (node.Json.ValueKind == JsonValueKind.False)
            return SchemaSet.Never;
        // The same place is the same node.
        if (!_numbers.TryGetValue(node, out var index))
        {
            _numbers[node] = index = _nodes.Count;
            _nodes.Add(node);
        }
        return SchemaSet.Of(index);
    }

    private SchemaSet SetOf(SchemaNode parent, JsonElement json, params ReadOnlySpan<string> path) => SetOf(_document.Child(parent, json, path));

    private JsonValues Negated(SchemaNode node, string keyword) =>
        _algebra.Not(Read(node), out var reason) is { } values
            ? WithoutEvaluated(values)
            : throw node.Wrong(keyword, $"The opposite of this schema cannot be enforced, since it has {reason}.");

    private static JsonValues WithoutEvaluated(JsonValues values) => values with
    {
        Objects = [.. values.Objects.Select(shape => shape with { Evaluated = [] })],
        Arrays = [.. values.Arrays.Select(shape => shape with { Evaluated = 0 })],
    };

    private JsonValues Read(SchemaNode node)
    {
        if (node.Json.ValueKind is JsonValueKind.True or JsonValueKind.False)
            return node.Json.ValueKind == JsonValueKind.True ? _algebra.Anything : _algebra.Nothing;
        var id = SetOf(node).Members[0].Node;
        if (_read.TryGetValue(id, out var known))
            return known ?? throw node.Wrong("$ref", "The schema refers to itself without taking anything of the value.");
        if (node.Json.ValueKind != JsonValueKind.Object)
            throw node.Wrong("schema", $"An object or a boolean was expected, {node.Json.ValueKind} was found.");
        ConstraintLimits.CheckStack();
        _read[id] = null;
        var values = _algebra.Anything;
        foreach (var property in node.Json.EnumerateObject())
            values = _algebra.And(values, ReadKeyword(node, property.Name, property.Value));
        if (ReadMembers(node) is { } objects)
            values = _algebra.And(values, objects);
        if (ReadItems(node) is { } arrays)
            values = _algebra.And(values, arrays);
        values = ApplyUnevaluated(node, values);
        _read[id] = values;
        return values;
    }

    private JsonValues ReadKeyword(SchemaNode node, string keyword, JsonElement value)
    {
        switch (keyword)
        {
            case "$schema":
                return ReadDialect(node, value);
            case "$ref" or "$dynamicRef":
                return Read(_document.Resolve(node, Text(node, keyword, value), keyword));
            case "type":
                return value.ValueKind == JsonValueKind.Array
                    ? Union(node, keyword, value, item => OfType(node, Text(node, keyword, item)))
                    : OfType(node, Text(node, keyword, value));
            case "const":
                return Constant(node, keyword, value);
            case "enum":
                return Enumeration(node, value);
            case "minimum":
                return WithNumbers(_algebra.Numbers.AtLeast(Number(node, keyword, value), isStrict: false));
            case "exclusiveMinimum" when value.ValueKind == JsonValueKind.Number:
                return WithNumbers(_algebra.Numbers.AtLeast(Number(node, keyword, value), isStrict: true));
            case "exclusiveMinimum" or "exclusiveMaximum" when value.ValueKind is JsonValueKind.True:
                return PassOver(node, keyword, "A number was expected, as drafts since 6 have it; true was found.");
            case "$recursiveRef":
                return PassOver(node, keyword, "References of draft 2019-09 that depend on the way to them are not followed.");
            case "maximum":
                return WithNumbers(_algebra.Numbers.AtMost(Number(node, keyword, value), isStrict: false));
            case "exclusiveMaximum" when value.ValueKind == JsonValueKind.Number:
                return WithNumbers(_algebra.Numbers.AtMost(Number(node, keyword, value), isStrict: true));
            case "multipleOf":
                return MultipleOf(node, keyword, value);
            case "minLength":
                return WithStrings(_pool.Repeat(_algebra.Strings.Character, Count(node, keyword, value), -1));
            case "maxLength":
                return WithStrings(_pool.Repeat(_algebra.Strings.Character, 0, Count(node, keyword, value)));
            case "pattern":
                return WithStrings(Pattern(node, keyword, Text(node, keyword, value)));
            case "format":
                return Format(node, keyword, Text(node, keyword, value));
            case "uniqueItems":
                return value.ValueKind == JsonValueKind.False ? _algebra.Anything : UniqueItems(node, keyword);
            case "minItems":
                return WithArray(_algebra.AnyArray with { Min = Count(node, keyword, value) });
            case "maxItems":
                return WithArray(_algebra.AnyArray with { Max = Count(node, keyword, value) });
            case "contains":
                return Contains(node, keyword, value);
            case "required":
                return WithObject(_algebra.AnyObject with { Required = [.. Items(node, keyword, value).Select(item => Text(node, keyword, item)).Distinct()] });
            case "minProperties":
                return WithObject(_algebra.AnyObject with { Min = Count(node, keyword, value) });
            case "maxProperties":
                return WithObject(_algebra.AnyObject with { Max = Count(node, keyword, value) });
            case "propertyNames":
                return PropertyNames(node, keyword, value);
            case "dependentRequired" or "dependentSchemas" or "dependencies":
                return Dependencies(node, keyword, value);
            case "allOf":
                return Branches(node, keyword, value).Select(Read).Aggregate(_algebra.Anything, _algebra.And);
            case "anyOf":
                return AnyOf(node, keyword, value);
            case "oneOf":
                return OneOf(node, keyword, value);
            case "not":
                return Not(node, keyword, value);
            case "if":
                return If(node, keyword, value);
            case "properties":
                return _algebra.Anything;
            default:
                if (!Silent.Contains(keyword))
                    _warnings.Add($"#{node.Pointer}: {keyword}: The keyword is unknown and says nothing.");
                return _algebra.Anything;
        }
    }

    private JsonValues ReadDialect(SchemaNode node, JsonElement value)
    {
        var dialect = Text(node, "$schema", value).TrimEnd('#');
        return dialect is "https://json-schema.org/draft/2020-12/schema" or "https://json-schema.org/draft/2019-09/schema"
            or "http://json-schema.org/draft-07/schema" or "http://json-schema.org/draft-06/schema" or "http://json-schema.org/draft-04/schema"
            or "https://json-schema.org/draft-07/schema" or "http://json-schema.org/schema"
            ? _algebra.Anything
            : throw node.Wrong("$schema", $"JSON Schema of a known draft was expected, '{dialect}' was found.");
    }

    private JsonValues OfType(SchemaNode node, string type) => type switch
    {
        "null" => _algebra.Nothing with { Null = true },
        "boolean" => _algebra.Nothing with { True = true, False = true },
        "integer" => _algebra.Nothing with { Numbers = _algebra.Numbers.Integers, AreIntegers = true },
        "number" => _algebra.Nothing with { Numbers = _algebra.Numbers.Free },
        "string" => _algebra.Nothing with { Strings = _algebra.Strings.Any },
        "array" => _algebra.Nothing with { Arrays = [_algebra.AnyArray] },
        "object" => _algebra.Nothing with { Objects = [_algebra.AnyObject] },
        _ => throw node.Wrong("type", $"A type of JSON was expected, '{type}' was found."),
    };

    private JsonValues Union(SchemaNode node, string keyword, JsonElement value, Func<JsonElement, JsonValues> read) =>
        Items(node, keyword, value).Select(read).Aggregate(_algebra.Nothing, _algebra.Or);

    // Strings of an enumeration are put into one tree.
    private JsonValues Enumeration(SchemaNode node, JsonElement value)
    {
        var items = Items(node, "enum", value).ToList();
        var strings = items.Where(item => item.ValueKind == JsonValueKind.String).Select(item => (JsonStrings.Spell(item.GetString()!), _pool.Empty)).ToList();
        var others = items.Where(item => item.ValueKind != JsonValueKind.String).Select(item => Constant(node, "enum", item)).Aggregate(_algebra.Nothing, _algebra.Or);
        return strings.Count == 0 ? others : _algebra.Or(others, _algebra.Nothing with { Strings = _pool.Choice(strings) });
    }

    private JsonValues Constant(SchemaNode node, string keyword, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Null:
                return _algebra.Nothing with { Null = true };
            case JsonValueKind.True:
                return _algebra.Nothing with { True = true };
            case JsonValueKind.False:
                return _algebra.Nothing with { False = true };
            case JsonValueKind.String:
                return _algebra.Nothing with { Strings = _pool.Literal(JsonStrings.Spell(value.GetString()!)) };
            case JsonValueKind.Number:
                var number = Number(node, keyword, value);
                return _algebra.Nothing with { Numbers = _algebra.Numbers.Exactly(number), AreIntegers = number.IsInteger };
            case JsonValueKind.Array:
                var items = value.EnumerateArray().Select(item => ConstantSet(node, item)).ToArray();
                return _algebra.Nothing with { Arrays = [new ArrayShape { First = items, Rest = SchemaSet.Never, Min = items.Length }] };
            default:
                var members = value.EnumerateObject().DistinctBy(member => member.Name).Select(member => KeyValuePair.Create(member.Name, ConstantSet(node, member.Value))).ToArray();
                return _algebra.Nothing with { Objects = [new ObjectShape { Named = members, Required = [.. members.Select(member => member.Key)] }] };
        }
    }

    // A constant inside a constant is a schema that nobody wrote.
    private SchemaSet ConstantSet(SchemaNode parent, JsonElement value)
    {
        ConstraintLimits.CheckStack();
        var set = SetOf(new SchemaNode(-1, default, parent.Pointer, parent.Base));
        _read[set.Members[0].Node] = Constant(parent, "const", value);
        _sets[set.Key] = _read[set.Members[0].Node]!;
        return set;
    }

    private JsonValues MultipleOf(SchemaNode node, string keyword, JsonElement value)
    {
        var divisor = Number(node, keyword, value);
        if (divisor.IsNegative || divisor.IsZero)
            throw node.Wrong(keyword, $"A number above zero was expected, {divisor} was found.");
        return _algebra.Numbers.MultipleOf(divisor) is { } multiples ? WithNumbers(multiples) : PassOver(node, keyword, $"{divisor} has too many digits to be enforced.");
    }

    private JsonValues Format(SchemaNode node, string keyword, string name) =>
        Formats.Find(name) is { } pattern
            ? WithStrings(Compiler(node).Whole(RegexParser.Parse(pattern, name)))
            : PassOver(node, keyword, $"The format '{name}' is not enforced.");

    private Expr Pattern(SchemaNode node, string keyword, string pattern) =>
        Compiler(node).Search(RegexParser.Parse(pattern, $"#{node.Pointer}/{keyword}"));

    private RegexCompiler Compiler(SchemaNode node) => new(_pool, _algebra.Strings.Encode, $"#{node.Pointer}");

    private JsonValues UniqueItems(SchemaNode node, string keyword) =>
        node.TryGet("maxItems", out var max) && max.ValueKind == JsonValueKind.Number && max.GetDouble() <= 1
            ? _algebra.Anything
            : PassOver(node, keyword, "No constraint can compare the items of an array with one another.");

    private JsonValues Contains(SchemaNode node, string keyword, JsonElement value)
    {
        var min = node.TryGet("minContains", out var least) ? Count(node, "minContains", least) : 1;
        var max = node.TryGet("maxContains", out var most) ? Count(node, "maxContains", most) : -1;
        if (max >= 0 && min > max)
            return _algebra.Anything with { Arrays = [] };
        return min == 0 && max < 0 && !_document.HasUnevaluated ? _algebra.Anything : WithArray(_algebra.AnyArray with { Contains = [(SetOf(node, value, keyword), min, max)] });
    }

    private JsonValues PropertyNames(SchemaNode node, string keyword, JsonElement value)
    {
        var names = Read(_document.Child(node, value, keyword)).Strings;
        return WithObject(_algebra.AnyObject with { Others = _algebra.Split(_algebra.AnyObject.Others, names, SchemaSet.Always, SchemaSet.Never) });
    }

    private JsonValues Dependencies(SchemaNode node, string keyword, JsonElement value)
    {
        var result = _algebra.Anything;
        foreach (var dependency in Members(node, keyword, value))
        {
            var absent = WithObject(_algebra.AnyObject with { Named = [KeyValuePair.Create(dependency.Name, SchemaSet.Never)] });
            var present = _algebra.Anything with { Objects = [_algebra.AnyObject with { Required = [dependency.Name] }] };
            if (dependency.Value.ValueKind == JsonValueKind.Array)
            {
                string[] names = [dependency.Name, .. dependency.Value.EnumerateArray().Select(item => Text(node, keyword, item))];
                present = WithObject(_algebra.AnyObject with { Required = [.. names.Distinct()] });
            }
            else
            {
                var schema = Read(_document.Child(node, dependency.Value, keyword, dependency.Name));
                // What is no object has no such property, so the schema is not asked.
                present = _algebra.And(present, _algebra.Anything with { Objects = schema.Objects });
            }
            result = _algebra.And(result, _algebra.Anything with { Objects = [.. absent.Objects, .. present.Objects] });
        }
        return result;
    }

    private JsonValues AnyOf(SchemaNode node, string keyword, JsonElement value)
    {
        var branches = Branches(node, keyword, value).Select(Read).ToList();
        if (!_document.HasUnevaluated)
            return branches.Aggregate(_algebra.Nothing, _algebra.Or);
        // Which properties count as evaluated depends on all branches that hold, so each set of branches is an alternative.
        if (branches.Count > MaxUnionForUnevaluated)
            throw node.Wrong(keyword, $"At most {MaxUnionForUnevaluated} schemas were expected in a document with unevaluatedProperties or unevaluatedItems, {branches.Count} were found.");
        var result = _algebra.Nothing;
        for (var set = 1; set < 1 << branches.Count; set++)
        {
            var chosen = branches.Where((_, index) => (set >> index & 1) != 0);
            result = _algebra.Or(result, chosen.Aggregate(_algebra.Anything, _algebra.And));
        }
        return result;
    }

    private JsonValues OneOf(SchemaNode node, string keyword, JsonElement value)
    {
        var branches = Branches(node, keyword, value).ToList();
        var values = branches.Select(Read).ToList();
        var result = _algebra.Nothing;
        for (var i = 0; i < values.Count; i++)
        {
            var only = values[i];
            for (var j = 0; j < values.Count; j++)
            {
                if (i == j || _algebra.IsEmpty(_algebra.And(values[i], values[j])))
                    continue;
                if (_algebra.Not(values[j], out var reason) is { } others)
                    only = _algebra.And(only, WithoutEvaluated(others));
                else if (_options.PassOverUnenforceable)
                    PassOver(node, keyword, $"The schemas {i} and {j} may both hold.");
                else
                    throw node.Wrong(keyword, $"The schemas {i} and {j} may both hold, and that cannot be excluded, since one has {reason}.");
            }
            result = _algebra.Or(result, only);
        }
        return result;
    }

    private JsonValues Not(SchemaNode node, string keyword, JsonElement value)
    {
        var schema = _document.Child(node, value, keyword);
        if (_algebra.Not(Read(schema), out var reason) is { } values)
            return WithoutEvaluated(values);
        return PassOver(node, keyword, $"The opposite of this schema cannot be enforced, since it has {reason}.");
    }

    private JsonValues If(SchemaNode node, string keyword, JsonElement value)
    {
        var condition = _document.Child(node, value, keyword);
        var holds = Read(condition);
        var then = node.TryGet("then", out var yes) ? Read(_document.Child(node, yes, "then")) : _algebra.Anything;
        var otherwise = node.TryGet("else", out var no) ? Read(_document.Child(node, no, "else")) : _algebra.Anything;
        if (then == _algebra.Anything && otherwise == _algebra.Anything && !_document.HasUnevaluated)
            return _algebra.Anything;
        if (_algebra.Not(holds, out var reason) is { } fails)
            return _algebra.Or(_algebra.And(holds, then), _algebra.And(WithoutEvaluated(fails), otherwise));
        return PassOver(node, keyword, $"The opposite of this schema cannot be enforced, since it has {reason}.");
    }

    // properties, patternProperties and additionalProperties know of one another.
    private JsonValues? ReadMembers(SchemaNode node)
    {
        var hasProperties = node.TryGet("properties", out var properties);
        var hasPatterns = node.TryGet("patternProperties", out var patterns);
        var hasAdditional = node.TryGet("additionalProperties", out var additional);
        if (!hasProperties && !hasPatterns && !hasAdditional)
            return null;
        var named = hasProperties
            ? Members(node, "properties", properties).DistinctBy(p => p.Name).Select(p => KeyValuePair.Create(p.Name, SetOf(node, p.Value, "properties", p.Name))).ToList()
            : [];
        var others = _algebra.AnyObject.Others;
        var looked = _pool.Never;
        if (hasPatterns)
        {
            foreach (var pattern in Members(node, "patternProperties", patterns))
            {
                var keys = Pattern(node, "patternProperties", pattern.Name);
                var value = SetOf(node, pattern.Value, "patternProperties", pattern.Name);
                others = _algebra.Split(others, keys, value, SchemaSet.Always);
                looked = _pool.Alt(looked, keys);
                named = [.. named.Select(p => _algebra.Matches(keys, p.Key) ? KeyValuePair.Create(p.Key, p.Value.And(value)) : p)];
            }
        }
        if (hasAdditional)
        {
            var value = SetOf(node, additional, "additionalProperties");
            others = looked == _pool.Never ? (value.IsNever ? [] : [(_algebra.Strings.Any, value)]) : _algebra.Split(others, looked, SchemaSet.Always, value);
        }
        IReadOnlyList<Expr>? evaluated = hasAdditional ? null : [.. named.Select(p => _pool.Literal(JsonStrings.Spell(p.Key))), looked];
        return WithObject(new ObjectShape { Named = named, Others = others, Evaluated = evaluated });
    }

    // prefixItems and items, or items as a list with additionalItems, as drafts before 2020-12 have it.
    private JsonValues? ReadItems(SchemaNode node)
    {
        var hasItems = node.TryGet("items", out var items);
        var hasPrefix = node.TryGet("prefixItems", out var prefix);
        var restKeyword = "items";
        if (hasItems && items.ValueKind == JsonValueKind.Array && !hasPrefix)
        {
            (prefix, hasPrefix, restKeyword) = (items, true, "additionalItems");
            hasItems = node.TryGet(restKeyword, out items);
        }
        if (!hasItems && !hasPrefix)
            return null;
        var prefixKeyword = restKeyword == "items" ? "prefixItems" : "items";
        SchemaSet[] first = hasPrefix ? [.. Items(node, prefixKeyword, prefix).Select((item, index) => SetOf(node, item, prefixKeyword, $"{index}"))] : [];
        var rest = hasItems ? SetOf(node, items, restKeyword) : SchemaSet.Always;
        return WithArray(new ArrayShape { First = first, Rest = rest, Evaluated = hasItems ? -1 : first.Length });
    }

    private JsonValues ApplyUnevaluated(SchemaNode node, JsonValues values)
    {
        if (node.TryGet("unevaluatedProperties", out var properties))
        {
            var set = SetOf(node, properties, "unevaluatedProperties");
            values = values with { Objects = [.. values.Objects.Select(shape => Close(shape, set))] };
        }
        if (node.TryGet("unevaluatedItems", out var items))
        {
            var set = SetOf(node, items, "unevaluatedItems");
            values = values with { Arrays = [.. values.Arrays.Select(shape => Close(node, shape, set))] };
        }
        return values;
    }

    private ObjectShape Close(ObjectShape shape, SchemaSet set)
    {
        if (shape.Evaluated is not { } evaluated)
            return shape;
        var looked = _pool.Alt([.. evaluated]);
        return shape with
        {
            Named = [.. shape.Named.Select(p => _algebra.Matches(looked, p.Key) ? p : KeyValuePair.Create(p.Key, p.Value.And(set)))],
            Others = _algebra.Split(shape.Others, looked, SchemaSet.Always, set),
            Evaluated = null,
        };
    }

    private static ArrayShape Close(SchemaNode node, ArrayShape shape, SchemaSet set)
    {
        if (shape.Evaluated < 0)
            return shape;
        if (shape.Contains.Count > 0)
            throw node.Wrong("unevaluatedItems", "Beside contains it depends on which items are contained, which is not supported.");
        var length = Math.Max(shape.First.Count, shape.Evaluated);
        return shape with
        {
            First = [.. Enumerable.Range(0, length).Select(index => index < shape.Evaluated ? shape.At(index) : shape.At(index).And(set))],
            Rest = shape.Rest.And(set),
            Evaluated = -1,
        };
    }

    private JsonValues WithNumbers(Expr numbers) => _algebra.Anything with { Numbers = numbers };

    private JsonValues WithStrings(Expr strings) => _algebra.Anything with { Strings = strings };

    private JsonValues WithObject(ObjectShape shape) => _algebra.Anything with { Objects = [shape] };

    private JsonValues WithArray(ArrayShape shape) => _algebra.Anything with { Arrays = [shape] };

    private JsonValues PassOver(SchemaNode node, string keyword, string reason)
    {
        if (!_options.PassOverUnenforceable)
            throw node.Wrong(keyword, reason);
        _warnings.Add($"#{node.Pointer}: {keyword}: {reason}");
        return _algebra.Anything;
    }

    private IEnumerable<SchemaNode> Branches(SchemaNode node, string keyword, JsonElement value) =>
        Items(node, keyword, value).Select((item, index) => _document.Child(node, item, keyword, $"{index}"));

    private static JsonElement.ArrayEnumerator Items(SchemaNode node, string keyword, JsonElement value) =>
        value.ValueKind == JsonValueKind.Array ? value.EnumerateArray() : throw Unexpected(node, keyword, "A list", value);

    private static JsonElement.ObjectEnumerator Members(SchemaNode node, string keyword, JsonElement value) =>
        value.ValueKind == JsonValueKind.Object ? value.EnumerateObject() : throw Unexpected(node, keyword, "An object", value);

    private static string Text(SchemaNode node, string keyword, JsonElement value) =>
        value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Unexpected(node, keyword, "A string", value);

    private static ExactDecimal Number(SchemaNode node, string keyword, JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Number)
            throw Unexpected(node, keyword, "A number", value);
        return ExactDecimal.Parse(value.GetRawText()) ?? throw Unexpected(node, keyword, "A number of at most 400 digits", value);
    }

    private static int Count(SchemaNode node, string keyword, JsonElement value)
    {
        var number = Number(node, keyword, value);
        if (number.IsNegative || !number.IsInteger)
            throw Unexpected(node, keyword, "A count", value);
        return number.Whole.Length <= 9
            ? int.Parse(number.Whole, System.Globalization.CultureInfo.InvariantCulture)
            : throw Unexpected(node, keyword, "A count below a thousand million", value);
    }

    private static ConstraintException Unexpected(SchemaNode node, string keyword, string expected, JsonElement value)
    {
        var found = value.ValueKind is JsonValueKind.Object or JsonValueKind.Array ? value.ValueKind.ToString() : value.GetRawText();
        return node.Wrong(keyword, $"{expected} was expected, {(found.Length > 40 ? found[..40] + "…" : found)} was found.");
    }
}
