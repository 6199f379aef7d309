using System.Collections.Frozen;

namespace EmbeddedLlm.Chat.Templates;

/// <summary>Methods of Python's str, dict, list and tuple. Those that would change a value are refused, as Jinja's immutable sandbox does.</summary>
internal static class JinjaMethods
{
    private static readonly FrozenSet<string> NoNames = [];
    private static readonly JinjaFunction.Table NoMethods = [];

    // Jinja's sandbox lets list.pop and list.clear pass, and so do templates that use them.
    private static readonly FrozenSet<string> ChangesList = ["append", "reverse", "insert", "sort", "extend", "remove"];
    private static readonly FrozenSet<string> ChangesDict = ["clear", "pop", "popitem", "setdefault", "update"];

    private static readonly JinjaFunction.Table OfDict = new()
    {
        { "get", "/key /default=", (x, v, a) => ((JinjaDict)v!).TryGet(a[0], out var found) ? found : a.Or(1, null) },
        { "keys", "", (x, v, a) => new JinjaView((JinjaDict)v!, JinjaViewKind.Keys) },
        { "values", "", (x, v, a) => new JinjaView((JinjaDict)v!, JinjaViewKind.Values) },
        { "items", "", (x, v, a) => new JinjaView((JinjaDict)v!, JinjaViewKind.Items) },
        { "copy", "", (x, v, a) => v },
    };

    private static readonly JinjaFunction.Table OfList = new()
    {
        { "index", "/value /start= /stop=", (x, v, a) => Index(x, ((JinjaList)v!).Items, a) },
        { "count", "/value", (x, v, a) => x.Iterate(v).LongCount(i => JinjaOperators.Equal(x, i, a[0])) },
        { "copy", "", (x, v, a) => new JinjaList(x.Budget, [.. ((JinjaList)v!).Items]) },
        { "pop", "/index=", (x, v, a) => Pop(x, ((JinjaList)v!).Items, a.Integer(0, -1)) },
        { "clear", "", (x, v, a) => Clear((JinjaList)v!) },
    };

    private static readonly JinjaFunction.Table OfTuple = new()
    {
        { "index", "/value /start= /stop=", (x, v, a) => Index(x, ((JinjaTuple)v!).Items, a) },
        { "count", "/value", (x, v, a) => x.Iterate(v).LongCount(i => JinjaOperators.Equal(x, i, a[0])) },
    };

    private static readonly JinjaFunction.Table OfFloat = new()
    {
        { "is_integer", "", (x, v, a) => Math.Floor((double)v!) == (double)v },
    };

    /// <summary>The methods of a value, and the names of those that it has but templates may not use.</summary>
    public static (JinjaFunction.Table Methods, FrozenSet<string> Forbidden) Of(object? value) => value switch
    {
        string or JinjaMarkup => (JinjaStringMethods.All, NoNames),
        JinjaDict => (OfDict, ChangesDict),
        JinjaList => (OfList, ChangesList),
        JinjaTuple => (OfTuple, NoNames),
        double => (OfFloat, NoNames),
        _ => (NoMethods, NoNames),
    };

    private static long Index(JinjaInterpreter interpreter, IReadOnlyList<object?> items, JinjaBound arguments)
    {
        var start = Place(arguments.Integer(1, 0));
        var stop = Place(arguments.Integer(2, items.Count));
        for (var i = start; i < stop; i++)
        {
            if (JinjaOperators.Equal(interpreter, items[(int)i], arguments[0]))
                return i;
        }
        throw new JinjaException("The value is not in the list.");

        long Place(long index) => Math.Clamp(index < 0 ? index + items.Count : index, 0, items.Count);
    }

    private static object? Pop(JinjaInterpreter interpreter, List<object?> items, long index)
    {
        var place = index < 0 ? index + items.Count : index;
        if (place < 0 || place >= items.Count)
            throw new JinjaException(items.Count == 0 ? "pop() from an empty list." : "The index of pop() lies outside of the list.");
        interpreter.Budget.Spend((items.Count - place) / 64);
        var item = items[(int)place];
        items.RemoveAt((int)place);
        return item;
    }

    private static object? Clear(JinjaList list)
    {
        list.Items.Clear();
        return null;
    }
}
