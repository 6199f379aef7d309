using System.Numerics;
using System.Text;
using System.Text.RegularExpressions;

namespace EmbeddedLlm.Chat.Templates;

/// <summary>The filters: what may stand behind a bar. Those of text and numbers are here, those of lists in <see cref="JinjaListFilters"/>.</summary>
internal static partial class JinjaFilters
{
    // Jinja has these too; a chat template has no use for them.
    private static readonly string[] NotSupported = ["filesizeformat", "pprint", "random", "striptags", "urlize", "wordwrap", "xmlattr"];

    public static JinjaFunction.Table All { get; } = new()
    {
        { "string", "", (x, v, a) => v is JinjaMarkup ? v : JinjaText.Str(x.Budget, v) },
        { "upper", "", (x, v, a) => OnText(x, v, JinjaStringMethods.Upper) },
        { "lower", "", (x, v, a) => OnText(x, v, JinjaStringMethods.Lower) },
        { "capitalize", "", (x, v, a) => OnText(x, v, JinjaStringMethods.Capitalize) },
        { "title", "", (x, v, a) => OnText(x, v, Title) },
        { "trim", "chars=", (x, v, a) => Method(x, v, "strip", a.Or(0, null)) },
        { "center", "width=", (x, v, a) => Method(x, v, "center", a.Integer(0, 80)) },
        { "replace", "old new count=", (x, v, a) => JinjaStringMethods.Replace(x, JinjaText.Str(x.Budget, v), JinjaText.Str(x.Budget, a[0]), JinjaText.Str(x.Budget, a[1]), a.Or(2, null) is null ? -1 : a.Integer(2)) },
        { "format", null, (x, v, a) => Format(x, v, a.All) },
        { "indent", "width= first= blank=", Indent },
        { "truncate", "length= killwords= end= leeway=", Truncate },
        { "wordcount", "", (x, v, a) => (long)Words().Count(JinjaText.Str(x.Budget, v)) },
        { "safe", "", (x, v, a) => new JinjaMarkup(JinjaText.Str(x.Budget, v)) },
        { "escape e", "", (x, v, a) => new JinjaMarkup(JinjaMarkup.Escape(x.Budget, v, JinjaText.Str(x.Budget, v))) },
        { "forceescape", "", (x, v, a) => new JinjaMarkup(JinjaMarkup.Escape(x.Budget, null, JinjaText.Str(x.Budget, v))) },
        { "urlencode", "", UrlEncode },
        { "tojson", "ensure_ascii= indent= separators= sort_keys=", ToJson },

        { "default d", "default_value= boolean=", (x, v, a) => v is JinjaUndefined || (a.Flag(1) && !JinjaOperators.IsTrue(v)) ? a.Or(0, "") : v },
        { "attr", "name", (x, v, a) => Attribute(x, v, a.Text(0)) },
        { "int", "default= base=", (x, v, a) => ToInteger(v, (int)Math.Clamp(a.Integer(1, 10), -1, 99)) ?? a.Or(0, 0L) },
        { "float", "default=", (x, v, a) => ToFloat(v) ?? a.Or(0, 0.0) },
        { "abs", "", (x, v, a) => JinjaNumbers.IsNumber(v) && JinjaNumbers.Compare(v, 0L) < 0 || v is double ? (v is double d ? Math.Abs(d) : JinjaOperators.Signed(x.Budget, true, v)) : JinjaOperators.Signed(x.Budget, false, v) },
        { "round", "precision= method=", Round },

        { "length count", "", (x, v, a) => JinjaInterpreter.TryLength(v, out var length) ? length : throw new JinjaException($"A {JinjaText.TypeName(v)} has no length.") },
        { "first", "", (x, v, a) => JinjaListFilters.FirstOr(x.Iterate(v), "There is no first item, the sequence is empty.") },
        { "last", "", (x, v, a) => JinjaListFilters.FirstOr(JinjaListFilters.Reversed(x, v), "There is no last item, the sequence is empty.") },
        { "list", "", (x, v, a) => new JinjaList(x.Budget, x.Items(v)) },
        { "items", "", JinjaListFilters.Items },
        { "join", "d= attribute=", (x, v, a) => JinjaStringMethods.Join(x, JinjaText.Str(x.Budget, a.Or(0, "")), a.Or(1, null) is null ? x.Iterate(v) : x.Iterate(v).Select(JinjaListFilters.Getter(x, a[1]))) },
        { "reverse", "", JinjaListFilters.Reverse },
        { "sort", "reverse= case_sensitive= attribute=", JinjaListFilters.Sort },
        { "dictsort", "case_sensitive= by= reverse=", JinjaListFilters.DictSort },
        { "unique", "case_sensitive= attribute=", JinjaListFilters.Unique },
        { "groupby", "attribute default= case_sensitive=", JinjaListFilters.GroupBy },
        { "min", "case_sensitive= attribute=", (x, v, a) => JinjaListFilters.Extreme(x, v, a, "<") },
        { "max", "case_sensitive= attribute=", (x, v, a) => JinjaListFilters.Extreme(x, v, a, ">") },
        { "sum", "attribute= start=", JinjaListFilters.Sum },
        { "batch", "linecount fill_with=", JinjaListFilters.Batch },
        { "slice", "slices fill_with=", JinjaListFilters.Slice },
        { "map", null, (x, v, a) => JinjaListFilters.Map(x, v, a.All) },
        { "select", null, (x, v, a) => JinjaListFilters.Select(x, v, a.All, isWanted: true, byAttribute: false) },
        { "reject", null, (x, v, a) => JinjaListFilters.Select(x, v, a.All, isWanted: false, byAttribute: false) },
        { "selectattr", null, (x, v, a) => JinjaListFilters.Select(x, v, a.All, isWanted: true, byAttribute: true) },
        { "rejectattr", null, (x, v, a) => JinjaListFilters.Select(x, v, a.All, isWanted: false, byAttribute: true) },
    };

    /// <summary>What to say of a filter that is not in the table.</summary>
    public static string Unknown(string name) => NotSupported.Contains(name)
        ? $"The filter '{name}' is not supported in chat templates."
        : $"There is no filter '{name}'.";

    /// <summary>A change of the text alone: what was marked safe stays so.</summary>
    private static object OnText(JinjaInterpreter x, object? value, Func<JinjaBudget, string, string> change)
    {
        var text = change(x.Budget, JinjaText.Str(x.Budget, value));
        return value is JinjaMarkup ? new JinjaMarkup(text) : text;
    }

    private static object? Method(JinjaInterpreter x, object? value, string name, params object?[] arguments) =>
        JinjaStringMethods.All[name].Call(x, value is JinjaMarkup ? value : JinjaText.Str(x.Budget, value), JinjaArguments.Of(arguments));

    private static string Title(JinjaBudget budget, string text)
    {
        var title = new JinjaTextBuilder(budget);
        for (var i = 0; i < text.Length;)
        {
            var start = i;
            while (i < text.Length && !IsBetweenWords(text[i]))
                i++;
            if (i > start)
            {
                var word = text[start..i];
                var first = JinjaText.Offset(word, 1);
                title.Append(JinjaStringMethods.Upper(budget, word[..first])).Append(JinjaStringMethods.Lower(budget, word[first..]));
            }
            else
            {
                title.Append(text[i++]);
            }
        }
        return title.ToString();

        static bool IsBetweenWords(char c) => char.IsWhiteSpace(c) || c is '-' or '(' or '{' or '[' or '<';
    }

    [GeneratedRegex(@"\w+")]
    private static partial Regex Words();

    private static object Format(JinjaInterpreter x, object? value, JinjaArguments arguments)
    {
        if (arguments.Positional.Length > 0 && arguments.Named.Count > 0)
            throw new JinjaException("format takes values either in order or by name.");
        object values = arguments.Named.Count > 0
            ? new JinjaDict(x.Budget, [.. arguments.Named.Select(n => ((object?)n.Name, n.Value))])
            : new JinjaTuple(x.Budget, arguments.Positional);
        return JinjaOperators.Arithmetic(x, "%", value is JinjaMarkup ? value : JinjaText.Str(x.Budget, value), values)!;
    }

    private static object Indent(JinjaInterpreter x, object? value, JinjaBound a)
    {
        if (!JinjaText.TryString(value, out var text))
            throw new JinjaException($"indent takes a string, found a {JinjaText.TypeName(value)}.");
        var by = a.Has(0) && JinjaText.TryString(a[0], out var given) ? given : new JinjaTextBuilder(x.Budget).Repeat(" ", a.Integer(0, 4)).ToString();
        var to = new JinjaTextBuilder(x.Budget).Append(a.Flag(1) ? by : "");
        var isFirst = true;
        foreach (var line in JinjaStringMethods.SplitLines(text + "\n"))
        {
            to.Append(isFirst ? "" : "\n").Append(!isFirst && (a.Flag(2) || line.Length > 0) ? by : "").Append(line);
            isFirst = false;
        }
        return value is JinjaMarkup ? new JinjaMarkup(to.ToString()) : to.ToString();
    }

    private static object? Truncate(JinjaInterpreter x, object? value, JinjaBound a)
    {
        var end = a.Has(2) ? a.Text(2) : "...";
        var length = a.Integer(0, 255);
        var leeway = a.Or(3, null) is null ? 5 : a.Integer(3);
        if (length < JinjaText.Length(end) || leeway < 0)
            throw new JinjaException("truncate needs a length that its end fits into, and a leeway that is not negative.");
        if (JinjaInterpreter.TryLength(value, out var found) && found - length <= leeway)
            return value;
        if (!JinjaText.TryString(value, out var text))
            throw new JinjaException($"truncate takes a string, found a {JinjaText.TypeName(value)}.");
        x.Budget.SpendText(length);
        var cut = text[..JinjaText.Offset(text, length - JinjaText.Length(end))];
        if (!a.Flag(1) && cut.LastIndexOf(' ') is var blank and >= 0)
            cut = cut[..blank];
        return cut + end;
    }

    private static object UrlEncode(JinjaInterpreter x, object? value, JinjaBound a)
    {
        if (JinjaText.TryString(value, out _) || value is not (JinjaContainer or JinjaView or JinjaIterator or JinjaRange or JinjaUndefined))
            return Encoded(value, "/");
        var pairs = value is JinjaDict dict ? dict.Entries : x.Iterate(value).Select(Pair);
        return JinjaStringMethods.Join(x, "&", pairs.Select(p => (object?)$"{Encoded(p.Key, " ")}={Encoded(p.Value, " ")}"));

        (object? Key, object? Value) Pair(object? item) => x.Items(item) is [var key, var second] ? (key, second) : throw new JinjaException("urlencode takes pairs.");

        // In a query, blanks become plus signs and slashes are quoted.
        string Encoded(object? part, string kept)
        {
            var to = new JinjaTextBuilder(x.Budget);
            foreach (var b in Encoding.UTF8.GetBytes(JinjaText.Str(x.Budget, part)))
            {
                if (char.IsAsciiLetterOrDigit((char)b) || "_.-~".Contains((char)b, StringComparison.Ordinal) || kept[0] == (char)b)
                    to.Append(b == ' ' ? '+' : (char)b);
                else
                    to.Append($"%{b:X2}");
            }
            return to.ToString();
        }
    }

    private static string ToJson(JinjaInterpreter x, object? value, JinjaBound a)
    {
        (string, string)? separators = a.Or(2, null) is null ? null
            : x.Items(a[2]) is [string item, string key] ? (item, key)
            : throw new JinjaException("tojson takes two strings as 'separators'.");
        return JinjaJson.Write(x, value, a.Flag(0), a.Or(1, null), separators, a.Flag(3));
    }

    private static object? Attribute(JinjaInterpreter x, object? value, string name)
    {
        var found = x.GetAttribute(value, name);
        return value is JinjaDict dict && dict.TryGet(name, out var item) && ReferenceEquals(found, item)
            ? x.Undefined($"'dict object' has no attribute '{JinjaText.Short(name)}'.")
            : found;
    }

    private static object? ToInteger(object? value, int radix)
    {
        JinjaOperators.RefuseUndefined(value);
        if (JinjaText.TryString(value, out var text))
        {
            if (radix != 0 && radix is < 2 or > 36)
                return null;
            if (JinjaNumbers.ParseInteger(text, radix) is { } integer)
                return integer;
            value = JinjaNumbers.ParseFloat(text);
        }
        if (value is double number)
            return double.IsFinite(number) ? JinjaNumbers.OneForm(new BigInteger(number)) : null;
        return value is bool flag ? (flag ? 1L : 0L) : value is long or BigInteger ? value : null;
    }

    private static object? ToFloat(object? value)
    {
        JinjaOperators.RefuseUndefined(value);
        if (JinjaText.TryString(value, out var text))
            return JinjaNumbers.ParseFloat(text);
        return JinjaNumbers.IsNumber(value) ? JinjaNumbers.ToDouble(value) : null;
    }

    private static object Round(JinjaInterpreter x, object? value, JinjaBound a)
    {
        JinjaOperators.RefuseUndefined(value);
        var digits = Math.Clamp(a.Integer(0, 0), -400, 400);
        var method = a.Has(1) ? a.Text(1) : "common";
        if (method == "common" && JinjaNumbers.TryInteger(value, out var integer))
            return x.Budget.Integer(digits >= 0 ? integer : JinjaNumbers.RoundTo(integer, BigInteger.Pow(10, (int)-digits)));
        var number = JinjaNumbers.ToDouble(value);
        var scale = Math.Pow(10, digits);
        return method switch
        {
            "common" => JinjaNumbers.Round(number, digits),
            "ceil" => Math.Ceiling(number * scale) / scale,
            "floor" => Math.Floor(number * scale) / scale,
            _ => throw new JinjaException("The method of round is common, ceil or floor."),
        };
    }
}
