using System.Globalization;

namespace EmbeddedLlm.Chat.Templates;

/// <summary>The functions that every chat template may call; variables of the same name hide them.</summary>
internal static class JinjaGlobals
{
    // What Jinja's sandbox allows.
    private const long MaxRange = 100_000;

    public static IEnumerable<(string Name, object Value)> All { get; } = [.. new Dictionary<string, Func<JinjaInterpreter, JinjaArguments, object?>>
    {
        ["range"] = Range,
        ["dict"] = (x, a) => new JinjaDict(x.Budget, [.. Pairs(x, a), .. a.Named.Select(n => ((object?)n.Name, n.Value))]),
        ["namespace"] = Namespace,
        ["cycler"] = (x, a) => a.Positional.Length > 0 ? new JinjaCycler(x.Budget, a.Positional) : throw new JinjaException("cycler() needs items."),
        ["joiner"] = (x, a) => new JinjaJoiner(a.Positional is [var separator] ? separator : a.Named is [("sep", var named)] ? named : ", "),
        ["raise_exception"] = (x, a) => throw new JinjaException(a.Positional is [var message] ? JinjaText.Str(x.Budget, message) : "raise_exception() takes one message."),
        ["strftime_now"] = (x, a) => a.Positional is [string format] ? JinjaTime.Format(x.Budget, x.Budget.Time.GetLocalNow(), format) : throw new JinjaException("strftime_now() takes one format."),
    }.Select(f => (f.Key, (object)new JinjaCallable(f.Key, f.Value)))];

    private static JinjaRange Range(JinjaInterpreter x, JinjaArguments arguments)
    {
        var bounds = Array.ConvertAll(arguments.Positional, a => a is bool flag ? (flag ? 1L : 0L) : a as long? ?? throw new JinjaException("range() takes integers."));
        var range = bounds switch
        {
            [var stop] => new JinjaRange(0, stop, 1),
            [var start, var stop] => new JinjaRange(start, stop, 1),
            [var start, var stop, var step] when step != 0 => new JinjaRange(start, stop, step),
            _ => throw new JinjaException("range() takes one to three integers, the third not zero."),
        };
        return range.Count <= MaxRange ? range : throw new JinjaException($"The range is longer than {MaxRange}.");
    }

    private static JinjaNamespace Namespace(JinjaInterpreter x, JinjaArguments arguments)
    {
        var values = new Dictionary<string, object?>();
        foreach (var (key, value) in Pairs(x, arguments))
            values[JinjaText.TryString(key, out var name) ? name : throw new JinjaException("The names of a namespace are strings.")] = value;
        foreach (var (name, value) in arguments.Named)
            values[name] = value;
        x.Budget.SpendItems(4 + 2L * values.Count);
        return new(values);
    }

    private static IEnumerable<(object? Key, object? Value)> Pairs(JinjaInterpreter x, JinjaArguments arguments) => arguments.Positional switch
    {
        [] => [],
        [JinjaDict dict] => dict.Entries,
        [var pairs] => x.Items(pairs).Select(p => x.Items(p) is [var key, var value] ? (key, value) : throw new JinjaException("dict() takes pairs.")),
        _ => throw new JinjaException("dict() takes one dict or list of pairs."),
    };
}

/// <summary><c>cycler(a, b, …)</c>: gives its items in turn.</summary>
internal sealed class JinjaCycler : JinjaObject
{
    private readonly object?[] _items;
    private int _at;

    public JinjaCycler(JinjaBudget budget, object?[] items)
    {
        budget.SpendItems(items.Length);
        _items = items;
    }

    public override string TypeName => "Cycler";

    public override bool TryGetAttribute(JinjaInterpreter interpreter, string name, out object? value)
    {
        value = name switch
        {
            "current" => _items[_at],
            "next" => new JinjaCallable("next", (_, _) =>
            {
                var item = _items[_at];
                _at = (_at + 1) % _items.Length;
                return item;
            }),
            "reset" => new JinjaCallable("reset", (_, _) =>
            {
                _at = 0;
                return null;
            }),
            _ => JinjaBound.Missing,
        };
        return value != JinjaBound.Missing;
    }
}

/// <summary><c>joiner(separator)</c>: nothing at the first call, the separator at every later one.</summary>
internal sealed class JinjaJoiner(object? separator) : JinjaObject
{
    private bool _isUsed;

    public override string TypeName => "Joiner";

    public object? Next()
    {
        var text = _isUsed ? separator : "";
        _isUsed = true;
        return text;
    }

    public override bool TryGetAttribute(JinjaInterpreter interpreter, string name, out object? value)
    {
        value = null;
        return false;
    }
}
