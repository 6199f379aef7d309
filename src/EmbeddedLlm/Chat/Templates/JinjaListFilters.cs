namespace EmbeddedLlm.Chat.Templates;

/// <summary>Filters of lists and other sequences. Where Jinja gives a generator, so do these: walked once, when asked for, without length.</summary>
internal static class JinjaListFilters
{
    public static object? FirstOr(IEnumerable<object?> items, string otherwise)
    {
        foreach (var item in items)
            return item;
        return new JinjaUndefined(otherwise);
    }

    public static IEnumerable<object?> Reversed(JinjaInterpreter x, object? value)
    {
        if (value is JinjaIterator || !JinjaInterpreter.TryLength(value, out _))
            throw new JinjaException($"A {JinjaText.TypeName(value)} cannot be reversed.");
        return Enumerable.Reverse(x.Items(value));
    }

    public static object Reverse(JinjaInterpreter x, object? value, JinjaBound a)
    {
        if (JinjaText.TryString(value, out _))
            return x.GetSlice(value, null, null, -1L)!;
        return value is JinjaIterator
            ? new JinjaList(x.Budget, [.. Enumerable.Reverse(x.Items(value))])
            : new JinjaIterator(x.Budget, Reversed(x, value));
    }

    public static object Items(JinjaInterpreter x, object? value, JinjaBound a) => value is JinjaDict or JinjaUndefined
        ? new JinjaIterator(x.Budget, x.Iterate(value is JinjaDict dict ? new JinjaView(dict, JinjaViewKind.Items) : value))
        : throw new JinjaException($"items takes a dict, found a {JinjaText.TypeName(value)}.");

    /// <summary>Looks up an attribute such as <c>function.name</c> or <c>0</c> in an item.</summary>
    public static Func<object?, object?> Getter(JinjaInterpreter x, object? attribute, object? fallback = null)
    {
        var parts = Parts(x, attribute);
        return item =>
        {
            foreach (var part in parts)
            {
                item = x.GetItem(item, part);
                if (fallback is not null && item is JinjaUndefined)
                    item = fallback;
            }
            return item;
        };
    }

    private static object?[] Parts(JinjaInterpreter x, object? attribute)
    {
        if (attribute is null || !JinjaText.TryString(attribute, out var text))
            return attribute is null ? [] : [attribute];
        return [.. Names(x, text, '.').Select(p => p.Length > 0 && p.All(char.IsAsciiDigit) ? JinjaNumbers.ParseInteger(p, 10) : p)];
    }

    private static string[] Names(JinjaInterpreter x, string text, char separator)
    {
        x.Budget.SpendText(text.Length);
        x.Budget.SpendItems(2L * text.AsSpan().Count(separator));
        return text.Split(separator);
    }

    /// <summary>The key to order an item by: its attribute, in lower case unless case counts.</summary>
    private static Func<object?, object?> Key(JinjaInterpreter x, object? attribute, bool isCaseSensitive, object? fallback = null)
    {
        var get = Getter(x, attribute, fallback);
        return item => get(item) is var key && !isCaseSensitive && JinjaText.TryString(key, out var text) ? JinjaStringMethods.Lower(x.Budget, text) : key;
    }

    public static object Sort(JinjaInterpreter x, object? value, JinjaBound a)
    {
        object?[] attributes = JinjaText.TryString(a.Or(2, null), out var names) ? Names(x, names, ',') : [a.Or(2, null)];
        var keys = Array.ConvertAll(attributes, n => Key(x, n, a.Flag(1)));
        return new JinjaList(x.Budget, JinjaOperators.Sort(x, x.Items(value), item => new JinjaList(x.Budget, [.. keys.Select(key => key(item))]), a.Flag(0)));
    }

    public static object DictSort(JinjaInterpreter x, object? value, JinjaBound a)
    {
        var by = a.Has(1) ? a.Text(1) : "key";
        if (by is not ("key" or "value"))
            throw new JinjaException("dictsort orders by 'key' or 'value'.");
        if (value is not JinjaDict dict)
            throw new JinjaException($"dictsort takes a dict, found a {JinjaText.TypeName(value)}.");
        return new JinjaList(x.Budget, JinjaOperators.Sort(x, x.Items(new JinjaView(dict, JinjaViewKind.Items)), Key(x, by == "key" ? 0L : 1L, a.Flag(0)), a.Flag(2)));
    }

    public static object Unique(JinjaInterpreter x, object? value, JinjaBound a)
    {
        var key = Key(x, a.Or(1, null), a.Flag(0));
        var seen = new HashSet<JinjaKey>();
        return new JinjaIterator(x.Budget, x.Iterate(value).Where(item => IsNew(key(item))));

        bool IsNew(object? key)
        {
            x.Budget.SpendMemory(32);
            x.Budget.Spend(JinjaOperators.Weight(key));
            return seen.Add(JinjaKey.Of(key));
        }
    }

    public static object GroupBy(JinjaInterpreter x, object? value, JinjaBound a)
    {
        var key = Key(x, a[0], a.Flag(2), a.Or(1, null));
        var shown = Getter(x, a[0], a.Or(1, null));
        var groups = new List<(object? Key, List<object?> Items)>();
        foreach (var item in JinjaOperators.Sort(x, x.Items(value), key))
        {
            if (groups.Count == 0 || !JinjaOperators.Equal(x, groups[^1].Key, key(item)))
                groups.Add((key(item), []));
            groups[^1].Items.Add(item);
        }
        return new JinjaList(x.Budget, [.. groups.Select(g => new JinjaTuple(x.Budget, [shown(g.Items[0]), new JinjaList(x.Budget, g.Items)], isGroup: true))]);
    }

    public static object? Extreme(JinjaInterpreter x, object? value, JinjaBound a, string op)
    {
        var key = Key(x, a.Or(1, null), a.Flag(0));
        (object? Item, object? Key)? best = null;
        foreach (var item in x.Iterate(value))
        {
            var current = key(item);
            if (best is null || JinjaOperators.Holds(x, op, current, best.Value.Key))
                best = (item, current);
        }
        return best is null ? new JinjaUndefined("There is no item to choose, the sequence is empty.") : best.Value.Item;
    }

    public static object? Sum(JinjaInterpreter x, object? value, JinjaBound a)
    {
        var get = Getter(x, a.Or(0, null));
        var sum = a.Or(1, 0L);
        if (JinjaText.TryString(sum, out _))
            throw new JinjaException("sum does not add strings, use join.");
        foreach (var item in x.Iterate(value))
            sum = JinjaOperators.Arithmetic(x, "+", sum, get(item));
        return sum;
    }

    public static object Batch(JinjaInterpreter x, object? value, JinjaBound a)
    {
        var (size, fill) = (a.Integer(0), a.Or(1, null));
        return new JinjaIterator(x.Budget, Batches());

        IEnumerable<object?> Batches()
        {
            var batch = new List<object?>();
            foreach (var item in x.Iterate(value))
            {
                if (batch.Count == size)
                {
                    yield return new JinjaList(x.Budget, batch);
                    batch = [];
                }
                batch.Add(item);
            }
            if (batch.Count == 0)
                yield break;
            if (fill is not null && batch.Count < size)
            {
                x.Budget.CheckItems(size);
                batch.AddRange(Enumerable.Repeat(fill, (int)size - batch.Count));
            }
            yield return new JinjaList(x.Budget, batch);
        }
    }

    public static object Slice(JinjaInterpreter x, object? value, JinjaBound a)
    {
        var (slices, fill) = (a.Integer(0), a.Or(1, null));
        return new JinjaIterator(x.Budget, Slices());

        IEnumerable<object?> Slices()
        {
            var items = x.Items(value);
            if (slices == 0)
                throw new JinjaException("slice needs at least one slice.");
            var (each, longer) = Math.DivRem(items.Count, slices);
            var at = 0;
            for (var i = 0L; i < slices; i++)
            {
                x.Budget.Spend();
                var length = (int)each + (i < longer ? 1 : 0);
                var slice = items.GetRange(at, length);
                at += length;
                if (fill is not null && i >= longer)
                    slice.Add(fill);
                yield return new JinjaList(x.Budget, slice);
            }
        }
    }

    public static object Map(JinjaInterpreter x, object? value, JinjaArguments arguments)
    {
        return new JinjaIterator(x.Budget, JinjaOperators.IsTrue(value) ? x.Iterate(value).Select(Function()) : []);

        Func<object?, object?> Function()
        {
            var named = arguments.Named.ToDictionary(n => n.Name, n => n.Value);
            if (arguments.Positional.Length == 0 && named.Remove("attribute", out var attribute))
            {
                named.Remove("default", out var fallback);
                return named.Count == 0 ? Getter(x, attribute, fallback) : throw new JinjaException($"map has no argument '{named.Keys.First()}'.");
            }
            if (arguments.Positional is not [var first, ..] || !JinjaText.TryString(first, out var filter))
                throw new JinjaException("map needs the name of a filter, or attribute=.");
            var rest = arguments with { Positional = arguments.Positional[1..] };
            return item => x.Filter(filter, item, rest);
        }
    }

    public static object Select(JinjaInterpreter x, object? value, JinjaArguments arguments, bool isWanted, bool byAttribute)
    {
        return new JinjaIterator(x.Budget, JinjaOperators.IsTrue(value) ? x.Iterate(value).Where(Predicate()) : []);

        Func<object?, bool> Predicate()
        {
            var rest = arguments.Positional.AsSpan();
            if (byAttribute && rest.IsEmpty)
                throw new JinjaException("The name of an attribute is missing.");
            var get = byAttribute ? Getter(x, rest[0]) : item => item;
            rest = byAttribute ? rest[1..] : rest;
            if (rest.IsEmpty)
                return item => JinjaOperators.IsTrue(get(item)) == isWanted;
            if (!JinjaText.TryString(rest[0], out var test))
                throw new JinjaException("The name of a test is a string.");
            var passed = arguments with { Positional = rest[1..].ToArray() };
            return item => x.Test(test, get(item), passed) == isWanted;
        }
    }
}
