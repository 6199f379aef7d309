using System.Buffers;
using System.Globalization;
using System.Text;

namespace EmbeddedLlm.Chat.Templates;

/// <summary>Methods of Python's str. On a safe string they escape what is passed in and give safe strings again.</summary>
internal static class JinjaStringMethods
{
    // One character that becomes several in upper case (Unicode's SpecialCasing; polytonic Greek is left out).
    private static readonly Dictionary<char, string> UpperSpecial =
        "\u00DFSS \u0149\u02BCN \u01F0J\u030C \u0587\u0535\u0552 \u1E96H\u0331 \u1E97T\u0308 \u1E98W\u030A \u1E99Y\u030A \u1E9AA\u02BE \uFB00FF \uFB01FI \uFB02FL \uFB03FFI \uFB04FFL \uFB05ST \uFB06ST"
        .Split(' ').ToDictionary(pair => pair[0], pair => pair[1..]);

    private static readonly SearchValues<char> HasUpperSpecial = SearchValues.Create([.. UpperSpecial.Keys]);

    private static readonly SearchValues<char> LineEnds = SearchValues.Create("\n\r\v\f\u001C\u001D\u001E\u0085\u2028\u2029");

    public static JinjaFunction.Table All { get; } = [];

    static JinjaStringMethods()
    {
        Any("upper", "", (x, s, a) => Upper(x.Budget, s));
        Any("lower casefold", "", (x, s, a) => Lower(x.Budget, s));
        Any("title", "", (x, s, a) => Title(x.Budget, s));
        Any("capitalize", "", (x, s, a) => Capitalize(x.Budget, s));
        Any("swapcase", "", (x, s, a) => SwapCase(x.Budget, s));
        Text("strip", "/chars=", (s, a) => JinjaText.Strip(s, a.TextOrNone(0)));
        Text("lstrip", "/chars=", (s, a) => JinjaText.Strip(s, a.TextOrNone(0), right: false));
        Text("rstrip", "/chars=", (s, a) => JinjaText.Strip(s, a.TextOrNone(0), left: false));
        Text("removeprefix", "/prefix", (s, a) => s.StartsWith(a.Text(0), StringComparison.Ordinal) ? s[a.Text(0).Length..] : s);
        Text("removesuffix", "/suffix", (s, a) => s.EndsWith(a.Text(0), StringComparison.Ordinal) ? s[..^a.Text(0).Length] : s);

        Any("replace", "/old /new /count=", (x, s, a) => Replace(x, s, a.Text(0), a.Text(1), a.Integer(2, -1)));
        Any("join", "/items", (x, s, a) => Join(x, s, x.Iterate(a[0]), requiresStrings: true));
        Any("center", "/width /fill=", (x, s, a) => Pad(x, s, a, missing => missing / 2 + (missing & a.Integer(0) & 1)));
        Any("ljust", "/width /fill=", (x, s, a) => Pad(x, s, a, missing => 0));
        Any("rjust", "/width /fill=", (x, s, a) => Pad(x, s, a, missing => missing));
        Any("zfill", "/width", (x, s, a) => ZeroFill(x, s, a.Integer(0)));
        Any("expandtabs", "tabsize=", (x, s, a) => ExpandTabs(x, s, a.Integer(0, 8)));
        Any("format", null, (x, s, a) => JinjaFormat.Braces(x, s, a.All));
        Any("format_map", "/mapping", (x, s, a) => JinjaFormat.Braces(x, s, new([], Named(a[0]))));

        Any("split", "sep= maxsplit=", (x, s, a) => new JinjaList(x.Budget, Parts(x, Split(s, a.TextOrNone(0), a.Integer(1, -1)))));
        Any("rsplit", "sep= maxsplit=", (x, s, a) => new JinjaList(x.Budget, SplitRight(x, s, a.TextOrNone(0), a.Integer(1, -1))));
        Any("splitlines", "keepends=", (x, s, a) => new JinjaList(x.Budget, Parts(x, SplitLines(s, a.Flag(0)))));
        Any("partition", "/sep", (x, s, a) => Partition(x, s, s.IndexOf(Separator(a.Text(0)), StringComparison.Ordinal), a.Text(0), 0));
        Any("rpartition", "/sep", (x, s, a) => Partition(x, s, s.LastIndexOf(Separator(a.Text(0)), StringComparison.Ordinal), a.Text(0), 2));

        Any("startswith", "/prefix /start= /end=", (x, s, a) => Either(a, part => Within(x, s, a).StartsWith(part, StringComparison.Ordinal)));
        Any("endswith", "/suffix /start= /end=", (x, s, a) => Either(a, part => Within(x, s, a).EndsWith(part, StringComparison.Ordinal)));
        Any("find", "/sub /start= /end=", (x, s, a) => Find(s, a, isLast: false));
        Any("rfind", "/sub /start= /end=", (x, s, a) => Find(s, a, isLast: true));
        Any("index", "/sub /start= /end=", (x, s, a) => Found(Find(s, a, isLast: false)));
        Any("rindex", "/sub /start= /end=", (x, s, a) => Found(Find(s, a, isLast: true)));
        Any("count", "/sub /start= /end=", (x, s, a) => a.Text(0).Length == 0 ? JinjaText.Length(Within(x, s, a)) + 1L : Within(x, s, a).AsSpan().Count(a.Text(0)));

        Any("isupper", "", (x, s, a) => IsCased(s, Rune.IsUpper, Rune.IsLower));
        Any("islower", "", (x, s, a) => IsCased(s, Rune.IsLower, Rune.IsUpper));
        Any("istitle", "", (x, s, a) => s.Any(char.IsLetter) && Title(x.Budget, s) == s);
        Any("isspace", "", (x, s, a) => s.Length > 0 && s.All(JinjaText.IsSpace));
        Any("isascii", "", (x, s, a) => s.All(char.IsAscii));
        Any("isprintable", "", (x, s, a) => s.EnumerateRunes().All(JinjaText.IsPrintable));
        Any("isidentifier", "", (x, s, a) => s.Length > 0 && !char.IsDigit(s[0]) && s.All(JinjaText.IsWord));
        Any("isalpha", "", (x, s, a) => s.Length > 0 && s.EnumerateRunes().All(Rune.IsLetter));
        Any("isalnum", "", (x, s, a) => s.Length > 0 && s.EnumerateRunes().All(r => Rune.IsLetter(r) || Rune.IsNumber(r)));
        Any("isnumeric", "", (x, s, a) => s.Length > 0 && s.EnumerateRunes().All(r => Rune.GetNumericValue(r) >= 0));
        Any("isdecimal", "", (x, s, a) => s.Length > 0 && s.EnumerateRunes().All(Rune.IsDigit));
        Any("isdigit", "", (x, s, a) => s.Length > 0 && s.EnumerateRunes().All(r => CharUnicodeInfo.GetDigitValue(r.ToString(), 0) >= 0));
    }

    private static void Text(string names, string parameters, Func<string, JinjaBound, string> body) => Any(names, parameters, (x, s, a) =>
    {
        x.Budget.SpendText(s.Length);
        return body(s, a);
    });

    private static void Any(string names, string? parameters, Func<JinjaInterpreter, string, JinjaBound, object?> body) => All.Add(names, parameters, (x, self, a) =>
    {
        JinjaText.TryString(self, out var text);
        foreach (var argument in a.All.Positional.Concat(a.All.Named.Select(n => n.Value)))
        {
            if (JinjaText.TryString(argument, out var part))
                x.Budget.SpendSearch(text, part);
        }
        if (self is string)
            return body(x, text, a);
        var all = a.All;
        var safe = new JinjaArguments([.. all.Positional.Select(v => Escaped(x, v))], [.. all.Named.Select(n => (n.Name, Escaped(x, n.Value)))]);
        return Safe(x, All[names.Split(' ')[0]].Call(x, text, safe));
    });

    private static object? Escaped(JinjaInterpreter x, object? value) => value switch
    {
        string text => JinjaMarkup.Escape(x.Budget, value, text),
        JinjaList list => new JinjaList(x.Budget, [.. list.Items.Select(i => Escaped(x, i))]),
        _ => value,
    };

    private static object? Safe(JinjaInterpreter x, object? value) => value switch
    {
        string text => new JinjaMarkup(text),
        JinjaList list => new JinjaList(x.Budget, [.. list.Items.Select(i => Safe(x, i))]),
        JinjaTuple tuple => new JinjaTuple(x.Budget, [.. tuple.Items.Select(i => Safe(x, i))]),
        _ => value,
    };

    public static string Upper(JinjaBudget budget, string text)
    {
        budget.SpendText(text.Length);
        var upper = text.ToUpperInvariant();
        if (!upper.AsSpan().ContainsAny(HasUpperSpecial))
            return upper;
        var to = new JinjaTextBuilder(budget);
        foreach (var c in upper)
            to.Append(UpperSpecial.TryGetValue(c, out var several) ? several : [c]);
        return to.ToString();
    }

    public static string Lower(JinjaBudget budget, string text)
    {
        budget.SpendText(text.Length);
        var lower = text.ToLowerInvariant();
        if (!text.AsSpan().ContainsAny('Σ', '\u0130'))
            return lower;
        var to = new JinjaTextBuilder(budget);
        for (var i = 0; i < lower.Length; i++)
        {
            // A capital sigma at the end of a word becomes the final form.
            var isFinal = text[i] == 'Σ' && i > 0 && char.IsLetter(text[i - 1]) && (i + 1 == text.Length || !char.IsLetter(text[i + 1]));
            to.Append(isFinal ? "ς" : lower[i] == '\u0130' ? "i\u0307" : lower.AsSpan(i, 1));
        }
        return to.ToString();
    }

    public static string Capitalize(JinjaBudget budget, string text)
    {
        var first = JinjaText.Offset(text, 1);
        var upper = Upper(budget, text[..first]);
        return upper.Length > first
            ? JinjaOperators.Join(budget, upper[..1], Lower(budget, upper[1..] + text[first..]))
            : JinjaOperators.Join(budget, upper, Lower(budget, text)[first..]);
    }

    private static string Title(JinjaBudget budget, string text)
    {
        var title = new JinjaTextBuilder(budget);
        for (var i = 0; i < text.Length;)
        {
            var start = i;
            while (i < text.Length && char.IsLetter(text[i]))
                i++;
            if (i > start)
                title.Append(Capitalize(budget, text[start..i]));
            else
                title.Append(text[i++]);
        }
        return title.ToString();
    }

    private static string SwapCase(JinjaBudget budget, string text)
    {
        var to = new JinjaTextBuilder(budget);
        foreach (var c in text)
            to.Append(char.IsUpper(c) ? Lower(budget, c.ToString()) : char.IsLower(c) ? Upper(budget, c.ToString()) : [c]);
        return to.ToString();
    }

    private static bool IsCased(string text, Func<Rune, bool> isWanted, Func<Rune, bool> isOther) =>
        text.EnumerateRunes().Any(isWanted) && !text.EnumerateRunes().Any(r => isOther(r) || Rune.GetUnicodeCategory(r) == UnicodeCategory.TitlecaseLetter);

    public static string Replace(JinjaInterpreter x, string text, string old, string with, long count)
    {
        x.Budget.SpendSearch(text, old);
        var to = new JinjaTextBuilder(x.Budget);
        var most = count < 0 ? long.MaxValue : count;
        var at = 0;
        if (old.Length == 0)
        {
            foreach (var character in JinjaText.Characters(text))
            {
                to.Append(most-- > 0 ? with : "").Append(character);
            }
            return to.Append(most > 0 ? with : "").ToString();
        }
        for (; most > 0 && text.IndexOf(old, at, StringComparison.Ordinal) is var next and >= 0; most--)
        {
            to.Append(text.AsSpan(at, next - at)).Append(with);
            at = next + old.Length;
        }
        return to.Append(text.AsSpan(at)).ToString();
    }

    public static string Join(JinjaInterpreter x, string separator, IEnumerable<object?> items, bool requiresStrings = false)
    {
        var to = new JinjaTextBuilder(x.Budget);
        var isFirst = true;
        foreach (var item in items)
        {
            to.Append(isFirst ? "" : separator);
            isFirst = false;
            if (requiresStrings && !JinjaText.TryString(item, out _))
                throw new JinjaException($"join() of a string takes strings, found a {JinjaText.TypeName(item)}.");
            to.Append(JinjaText.Str(x.Budget, item));
        }
        return to.ToString();
    }

    private static IReadOnlyList<(string, object?)> Named(object? mapping) => mapping is JinjaDict dict
        ? [.. dict.Entries.Where(e => e.Key is string).Select(e => ((string)e.Key!, e.Value))]
        : throw new JinjaException("format_map() takes a dict.");

    private static string Pad(JinjaInterpreter x, string text, JinjaBound arguments, Func<long, long> before)
    {
        var fill = arguments.Has(1) ? arguments.Text(1) : " ";
        if (JinjaText.Length(fill) != 1)
            throw new JinjaException("The fill is one character.");
        var missing = Math.Max(0, arguments.Integer(0) - JinjaText.Length(text));
        return new JinjaTextBuilder(x.Budget).Repeat(fill, before(missing)).Append(text).Repeat(fill, missing - before(missing)).ToString();
    }

    private static string ZeroFill(JinjaInterpreter x, string text, long width)
    {
        var sign = text.StartsWith('+') || text.StartsWith('-') ? 1 : 0;
        return new JinjaTextBuilder(x.Budget).Append(text.AsSpan(0, sign)).Repeat("0", width - JinjaText.Length(text)).Append(text.AsSpan(sign)).ToString();
    }

    private static string ExpandTabs(JinjaInterpreter x, string text, long size)
    {
        var to = new JinjaTextBuilder(x.Budget);
        var column = 0L;
        foreach (var character in JinjaText.Characters(text))
        {
            var blanks = character == "\t" && size > 0 ? size - column % size : 0;
            to.Repeat(" ", blanks).Append(character == "\t" ? "" : character);
            column = character is "\n" or "\r" ? 0 : column + (character == "\t" ? blanks : 1);
        }
        return to.ToString();
    }

    private static List<object?> Parts(JinjaInterpreter x, IEnumerable<string> parts)
    {
        var list = new List<object?>();
        foreach (var part in parts)
        {
            x.Budget.SpendText(part.Length);
            list.Add(part);
            x.Budget.CheckItems(list.Count);
        }
        return list;
    }

    private static string Separator(string separator) => separator.Length > 0 ? separator : throw new JinjaException("The separator is empty.");

    private static IEnumerable<string> Split(string text, string? separator, long most)
    {
        most = most < 0 ? long.MaxValue : most;
        var at = 0;
        if (separator is not null)
        {
            for (; most > 0 && text.IndexOf(Separator(separator), at, StringComparison.Ordinal) is var next and >= 0; most--)
            {
                yield return text[at..next];
                at = next + separator.Length;
            }
            Separator(separator);
            yield return text[at..];
            yield break;
        }
        for (; ; most--)
        {
            while (at < text.Length && JinjaText.IsSpace(text[at]))
                at++;
            if (at == text.Length)
                yield break;
            var end = at;
            while (end < text.Length && !JinjaText.IsSpace(text[end]))
                end++;
            if (most <= 0)
            {
                yield return text[at..];
                yield break;
            }
            yield return text[at..end];
            at = end;
        }
    }

    private static List<object?> SplitRight(JinjaInterpreter x, string text, string? separator, long most)
    {
        if (most < 0)
            return Parts(x, Split(text, separator, -1));
        // From the right is from the left in a mirror.
        x.Budget.SpendText(text.Length);
        var parts = Parts(x, Split(Mirror(text), separator is null ? null : Mirror(separator), most).Select(Mirror));
        parts.Reverse();
        return parts;

        static string Mirror(string text) => string.Create(text.Length, text, (to, from) =>
        {
            from.CopyTo(to);
            to.Reverse();
        });
    }

    public static IEnumerable<string> SplitLines(string text, bool keepsEnds = false)
    {
        for (var at = 0; at < text.Length;)
        {
            var end = text.AsSpan(at).IndexOfAny(LineEnds) is var found and >= 0 ? at + found : text.Length;
            var next = end == text.Length ? end : text[end] == '\r' && end + 1 < text.Length && text[end + 1] == '\n' ? end + 2 : end + 1;
            yield return text[at..(keepsEnds ? next : end)];
            at = next;
        }
    }

    private static JinjaTuple Partition(JinjaInterpreter x, string text, int at, string separator, int place)
    {
        x.Budget.SpendText(text.Length);
        object?[] parts = ["", "", ""];
        if (at < 0)
            parts[place] = text;
        else
            parts = [text[..at], separator, text[(at + separator.Length)..]];
        return new(x.Budget, parts);
    }

    /// <summary>The part of a string that start and end name, the second and third argument.</summary>
    private static string Within(JinjaInterpreter x, string text, JinjaBound arguments)
    {
        var (start, end) = Range(text, arguments);
        if (end - start < text.Length)
            x.Budget.SpendText(Math.Max(0, end - start));
        return start > end ? "" : text[start..end];
    }

    private static (int Start, int End) Range(string text, JinjaBound arguments)
    {
        var length = JinjaText.Length(text);
        return (Place(1, 0), Place(2, length));

        int Place(int index, long fallback)
        {
            var place = arguments.Or(index, null) is null ? fallback : arguments.Integer(index);
            return JinjaText.Offset(text, Math.Max(0, place < 0 ? place + length : place));
        }
    }

    private static bool Either(JinjaBound arguments, Func<string, bool> matches) => arguments[0] is JinjaTuple tuple
        ? tuple.Items.Any(item => matches(JinjaText.TryString(item, out var part) ? part : throw new JinjaException("The tuple must hold strings.")))
        : matches(arguments.Text(0));

    private static long Find(string text, JinjaBound arguments, bool isLast)
    {
        var (start, end) = Range(text, arguments);
        if (start > end)
            return -1;
        var within = text.AsSpan(start, end - start);
        var found = isLast ? within.LastIndexOf(arguments.Text(0)) : within.IndexOf(arguments.Text(0));
        return found < 0 ? -1 : JinjaText.Length(text.AsSpan(0, start + found));
    }

    private static long Found(long index) => index >= 0 ? index : throw new JinjaException("The substring is not there.");
}
