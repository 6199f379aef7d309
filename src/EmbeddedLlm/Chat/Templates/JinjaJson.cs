using System.Globalization;
using System.Numerics;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace EmbeddedLlm.Chat.Templates;

/// <summary>JSON to template values, and values to JSON text as <c>json.dumps(…, ensure_ascii=False)</c> writes it.</summary>
internal sealed class JinjaJson(JinjaInterpreter x, JinjaTextBuilder to, bool escapesNonAscii, string? indent, string itemSeparator, string keySeparator, bool sortsKeys)
{
    /// <summary>A value of JSON. Whole numbers become ints, those with point or exponent floats; the order of keys is kept.</summary>
    public static object? Read(JinjaBudget budget, JsonNode? node, int depth = 0)
    {
        budget.Spend();
        if (depth > budget.Limits.MaxNesting)
            throw new JinjaException($"The variables are nested more than {budget.Limits.MaxNesting} levels deep.");
        switch (node)
        {
            case null:
                return null;
            case JsonObject json:
                return new JinjaDict(budget, [.. json.Select(p => ((object?)p.Key, Read(budget, p.Value, depth + 1)))]);
            case JsonArray array:
                return new JinjaList(budget, [.. array.Select(n => Read(budget, n, depth + 1))]);
        }
        var value = ((JsonValue)node).TryGetValue<object>(out var any) ? any : null;
        return value switch
        {
            string or bool => value,
            char c => c.ToString(),
            sbyte or byte or short or ushort or int or uint or long => Convert.ToInt64(value, CultureInfo.InvariantCulture),
            ulong integer => budget.Integer(integer),
            float or double or decimal => Convert.ToDouble(value, CultureInfo.InvariantCulture),
            JsonElement { ValueKind: JsonValueKind.String } text => text.GetString(),
            JsonElement { ValueKind: JsonValueKind.Number } number => Number(number.GetRawText()),
            JsonElement { ValueKind: JsonValueKind.True or JsonValueKind.False } flag => flag.GetBoolean(),
            JsonElement { ValueKind: JsonValueKind.Null or JsonValueKind.Undefined } => null,
            JsonElement { ValueKind: JsonValueKind.Object } json => Read(budget, JsonObject.Create(json), depth),
            JsonElement array => Read(budget, JsonArray.Create(array), depth),
            // Dates, enums and whatever else a JsonValue may wrap: as they stand in JSON.
            _ => Read(budget, JsonNode.Parse(node.ToJsonString()), depth),
        };
    }

    private static object Number(string text) => text.AsSpan().ContainsAny('.', 'e', 'E')
        ? double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture)
        : JinjaNumbers.ParseInteger(text, 10) ?? throw new JinjaException("An integer among the variables is too long.");

    /// <summary>The <c>tojson</c> filter. <paramref name="indent"/> and separators as in Python, none where not given.</summary>
    public static string Write(JinjaInterpreter x, object? value, bool escapesNonAscii, object? indent, (string Item, string Key)? separators, bool sortsKeys)
    {
        var budget = x.Budget;
        var to = new JinjaTextBuilder(budget);
        var step = indent switch
        {
            null => null,
            string or JinjaMarkup => JinjaText.Str(budget, indent),
            _ => JinjaNumbers.TryInteger(indent, out var width)
                ? new JinjaTextBuilder(budget).Repeat(" ", (long)BigInteger.Min(width, int.MaxValue)).ToString()
                : throw new JinjaException("tojson() needs an integer or a string as 'indent'."),
        };
        var (item, key) = separators ?? (step is null ? ", " : ",", ": ");
        new JinjaJson(x, to, escapesNonAscii, step, item, key, sortsKeys).Write(value, 1);
        return to.ToString();
    }

    private void Write(object? value, int level)
    {
        switch (value)
        {
            case string or JinjaMarkup:
                Text(JinjaText.Str(to.Budget, value));
                break;
            case null or bool or long or BigInteger or double:
                to.Append(Scalar(value));
                break;
            case JinjaList list:
                Items(list.Items, level);
                break;
            case JinjaTuple tuple:
                Items(tuple.Items, level);
                break;
            case JinjaDict dict:
                Entries(dict, level);
                break;
            case JinjaUndefined undefined:
                throw new JinjaException($"tojson() cannot write an undefined value: {undefined.Reason}");
            default:
                throw new JinjaException($"tojson() cannot write a {JinjaText.TypeName(value)}.");
        }
    }

    private string Scalar(object? value) => value switch
    {
        null => "null",
        bool flag => flag ? "true" : "false",
        double number when double.IsNaN(number) => "NaN",
        double number when double.IsInfinity(number) => number > 0 ? "Infinity" : "-Infinity",
        _ => JinjaText.Str(to.Budget, value),
    };

    private void Items(IReadOnlyList<object?> items, int level)
    {
        to.Append('[');
        for (var i = 0; i < items.Count; i++)
        {
            NewItem(i == 0, level);
            Write(items[i], level + 1);
        }
        End(']', items.Count, level);
    }

    private void Entries(JinjaDict dict, int level)
    {
        IEnumerable<(object? Key, object? Value)> entries = dict.Entries;
        if (sortsKeys)
            entries = JinjaOperators.Sort(x, [.. entries], e => e.Key);
        to.Append('{');
        var isFirst = true;
        foreach (var (key, value) in entries)
        {
            NewItem(isFirst, level);
            isFirst = false;
            Text(key is null or bool or long or BigInteger or double
                ? Scalar(key)
                : JinjaText.TryString(key, out var text) ? text : throw new JinjaException($"tojson() cannot write a {JinjaText.TypeName(key)} as key."));
            to.Append(keySeparator);
            Write(value, level + 1);
        }
        End('}', dict.Count, level);
    }

    private void NewItem(bool isFirst, int level)
    {
        if (!isFirst)
            to.Append(itemSeparator);
        if (indent is not null)
            to.Append('\n').Repeat(indent, level);
    }

    private void End(char close, int count, int level)
    {
        if (indent is not null && count > 0)
            to.Append('\n').Repeat(indent, level - 1);
        to.Append(close);
    }

    private void Text(string text)
    {
        to.Append('"');
        foreach (var c in text)
        {
            var isPlain = c >= ' ' && (c <= '~' || !escapesNonAscii);
            switch (c)
            {
                case '"' or '\\':
                    to.Append('\\').Append(c);
                    break;
                case '\n' or '\r' or '\t' or '\f' or '\b':
                    to.Append('\\').Append("nrtfb"["\n\r\t\f\b".IndexOf(c, StringComparison.Ordinal)]);
                    break;
                default:
                    if (isPlain)
                        to.Append(c);
                    else
                        to.Append($"\\u{(int)c:x4}");
                    break;
            }
        }
        to.Append('"');
    }
}
