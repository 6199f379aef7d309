using System.Globalization;
using System.Numerics;
using System.Text;

namespace EmbeddedLlm.Chat.Templates;

/// <summary>Values as text, and strings as Python sees them: sequences of code points, not of UTF-16 units.</summary>
internal static class JinjaText
{
    public static bool TryString(object? value, out string text)
    {
        text = value as string ?? (value as JinjaMarkup)?.Text ?? "";
        return value is string or JinjaMarkup;
    }

    public static string TypeName(object? value) => value switch
    {
        null => "NoneType",
        bool => "bool",
        long or BigInteger => "int",
        double => "float",
        string => "str",
        JinjaMarkup => "Markup",
        JinjaUndefined => "Undefined",
        JinjaList => "list",
        JinjaTuple => "tuple",
        JinjaDict => "dict",
        JinjaView view => $"dict_{view.Kind.ToString().ToLowerInvariant()}",
        JinjaRange => "range",
        JinjaIterator => "generator",
        JinjaObject thing => thing.TypeName,
        _ => "function",
    };

    /// <summary>Python's <c>str(value)</c>: what <c>{{ value }}</c> prints.</summary>
    public static string Str(JinjaBudget budget, object? value)
    {
        if (TryString(value, out var text))
            return text;
        if (value is JinjaUndefined)
            return "";
        var builder = new JinjaTextBuilder(budget);
        Repr(builder, value);
        return builder.ToString();
    }

    /// <summary>Python's <c>repr(value)</c>.</summary>
    public static string Repr(JinjaBudget budget, object? value)
    {
        var builder = new JinjaTextBuilder(budget);
        Repr(builder, value);
        return builder.ToString();
    }

    public static void Repr(JinjaTextBuilder to, object? value)
    {
        switch (value)
        {
            case null:
                to.Append("None");
                break;
            case bool flag:
                to.Append(flag ? "True" : "False");
                break;
            case long integer:
                to.Append(integer.ToString(CultureInfo.InvariantCulture));
                break;
            case BigInteger integer:
                to.Append(JinjaNumbers.Text(integer));
                break;
            case double number:
                to.Append(JinjaNumbers.Repr(number));
                break;
            case string text:
                Quote(to, text);
                break;
            case JinjaMarkup markup:
                to.Append("Markup(");
                Quote(to, markup.Text);
                to.Append(')');
                break;
            case JinjaUndefined:
                to.Append("Undefined");
                break;
            case JinjaList list:
                Items(to, "[", list.Items, "]");
                break;
            case JinjaTuple tuple:
                Items(to, "(", tuple.Items, tuple.Items.Length == 1 ? ",)" : ")");
                break;
            case JinjaDict dict:
                Entries(to, "{", dict, ": ", "", "}");
                break;
            case JinjaView { Kind: JinjaViewKind.Items } view:
                Entries(to, "dict_items([", view.Dict, ", ", "()", "])");
                break;
            case JinjaView view:
                Items(to, $"{TypeName(view)}([", view.Kind == JinjaViewKind.Keys ? view.Dict.Keys : view.Dict.Values, "])");
                break;
            case JinjaRange range:
                to.Append(string.Create(CultureInfo.InvariantCulture, $"range({range.Start}, {range.Stop}{(range.Step == 1 ? "" : $", {range.Step}")})"));
                break;
            case JinjaNamespace space:
                to.Append($"<Namespace with {space.Values.Count} values>");
                break;
            case JinjaObject thing:
                to.Append(thing.Description);
                break;
            case JinjaCallable callable:
                to.Append($"<function {callable.Name}>");
                break;
            default:
                to.Append($"<{TypeName(value)} object>");
                break;
        }
    }

    private static void Items(JinjaTextBuilder to, string open, IEnumerable<object?> items, string close)
    {
        to.Append(open);
        var separator = "";
        foreach (var item in items)
        {
            to.Append(separator);
            Repr(to, item);
            separator = ", ";
        }
        to.Append(close);
    }

    private static void Entries(JinjaTextBuilder to, string open, JinjaDict dict, string between, string around, string close)
    {
        to.Append(open);
        var separator = "";
        foreach (var (key, value) in dict.Entries)
        {
            to.Append(separator).Append(around.Length > 0 ? around[..1] : "");
            Repr(to, key);
            to.Append(between);
            Repr(to, value);
            to.Append(around.Length > 0 ? around[1..] : "");
            separator = ", ";
        }
        to.Append(close);
    }

    /// <summary>A string literal as Python writes it: single quotes unless only those occur inside, unprintable characters escaped.</summary>
    private static void Quote(JinjaTextBuilder to, string text)
    {
        var quote = text.Contains('\'', StringComparison.Ordinal) && !text.Contains('"', StringComparison.Ordinal) ? '"' : '\'';
        to.Append(quote);
        for (var i = 0; i < text.Length; i++)
        {
            var isRune = Rune.TryGetRuneAt(text, i, out var rune);
            var code = isRune ? rune.Value : text[i];
            if (code == quote || code == '\\')
                to.Append('\\').Append((char)code);
            else if (code is '\n' or '\r' or '\t')
                to.Append(code switch { '\n' => "\\n", '\r' => "\\r", _ => "\\t" });
            else if (isRune && IsPrintable(rune))
                to.Append(text.AsSpan(i, rune.Utf16SequenceLength));
            else
                to.Append(code switch { < 0x100 => $"\\x{code:x2}", < 0x10000 => $"\\u{code:x4}", _ => $"\\U{code:x8}" });
            i += isRune ? rune.Utf16SequenceLength - 1 : 0;
        }
        to.Append(quote);
    }

    public static bool IsPrintable(Rune rune) => rune.Value == ' ' || Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format
        or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator
        or UnicodeCategory.ParagraphSeparator or UnicodeCategory.SpaceSeparator);

    /// <summary>Whitespace to Python: .NET's, and the four separators U+001C to U+001F.</summary>
    public static bool IsSpace(char c) => char.IsWhiteSpace(c) || c is >= '\x1c' and <= '\x1f';

    /// <summary>What Python's <c>\w</c> matches.</summary>
    public static bool IsWord(char c) => c == '_' || char.IsLetterOrDigit(c) || char.GetUnicodeCategory(c) is UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber;

    public static string Strip(string text, string? characters = null, bool left = true, bool right = true)
    {
        var (start, end) = (0, text.Length);
        while (left && start < end && IsStripped(start, 1))
            start += UnitsAt(start, 1);
        while (right && end > start && IsStripped(end - 1, -1))
            end -= UnitsAt(end - 1, -1);
        return text[start..end];

        int UnitsAt(int index, int towards) => index + towards >= start && index + towards < end && (towards > 0
            ? char.IsSurrogatePair(text[index], text[index + 1])
            : char.IsSurrogatePair(text[index - 1], text[index])) ? 2 : 1;

        bool IsStripped(int index, int towards) => characters is null
            ? IsSpace(text[index])
            : characters.AsSpan().IndexOf(UnitsAt(index, towards) == 2 ? text.AsSpan(towards > 0 ? index : index - 1, 2) : text.AsSpan(index, 1)) >= 0;
    }

    private static bool IsSimple(ReadOnlySpan<char> text) => !text.ContainsAnyInRange('\uD800', '\uDFFF');

    /// <summary>Code points of a string.</summary>
    public static int Length(ReadOnlySpan<char> text)
    {
        if (IsSimple(text))
            return text.Length;
        var count = text.Length;
        for (var i = 1; i < text.Length; i++)
            count -= char.IsSurrogatePair(text[i - 1], text[i]) ? 1 : 0;
        return count;
    }

    /// <summary>The UTF-16 index of a code point; the length for any behind the end.</summary>
    public static int Offset(string text, long index)
    {
        if (IsSimple(text))
            return (int)Math.Min(index, text.Length);
        var at = 0;
        for (; index > 0 && at < text.Length; index--)
            at += at + 1 < text.Length && char.IsSurrogatePair(text[at], text[at + 1]) ? 2 : 1;
        return at;
    }

    /// <summary>The UTF-16 index of each code point, and the length behind them.</summary>
    public static int[] Offsets(string text)
    {
        var offsets = new int[Length(text) + 1];
        for (var (i, at) = (0, 0); i < offsets.Length; i++)
        {
            offsets[i] = at;
            at += at + 1 < text.Length && char.IsSurrogatePair(text[at], text[at + 1]) ? 2 : 1;
        }
        return offsets;
    }

    /// <summary>A name as messages quote it: what a template asks for may be of any length.</summary>
    public static string Short(string name) => name.Length <= 64 ? name : name[..64] + "…";

    /// <summary>Each code point as a string.</summary>
    public static IEnumerable<string> Characters(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            var isPair = i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]);
            yield return isPair ? text.Substring(i++, 2) : text[i].ToString();
        }
    }
}
