using System.Numerics;

namespace EmbeddedLlm.Chat.Templates;

// A value is null (none), bool, long or BigInteger (one Python int), double, string, or one of the classes below.

/// <summary>What a name, attribute or item that does not exist evaluates to: empty and false, and an error in any other use.</summary>
internal sealed class JinjaUndefined(string reason)
{
    public string Reason { get; } = reason;
}

/// <summary>A string marked safe (<c>|safe</c>, <c>|escape</c>): joined with <c>+</c> to another string it escapes that one.</summary>
internal sealed record JinjaMarkup(string Text)
{
    /// <summary>The text of a value, escaped for HTML unless it is safe already.</summary>
    public static string Escape(JinjaBudget budget, object? value, string text)
    {
        if (value is JinjaMarkup || !text.AsSpan().ContainsAny("&<>'\""))
            return text;
        var to = new JinjaTextBuilder(budget);
        foreach (var c in text)
            to.Append(c switch { '&' => "&amp;", '<' => "&lt;", '>' => "&gt;", '\'' => "&#39;", '"' => "&#34;", _ => [c] });
        return to.ToString();
    }
}

/// <summary>A value with values inside. Size and depth, all levels together, are checked when it is made.</summary>
internal abstract class JinjaContainer
{
    protected JinjaContainer(JinjaBudget budget, IReadOnlyCollection<object?> parts)
    {
        budget.SpendItems(parts.Count);
        (Size, Weight, Depth) = budget.Measure(parts);
    }

    public long Size { get; }

    /// <summary>Steps that looking at all of it costs, the text of its strings included.</summary>
    public long Weight { get; }

    public int Depth { get; }
}

internal sealed class JinjaList(JinjaBudget budget, List<object?> items) : JinjaContainer(budget, items)
{
    public List<object?> Items { get; } = items;
}

/// <summary>A tuple; those of <c>groupby</c> also have names for their two items.</summary>
internal sealed class JinjaTuple(JinjaBudget budget, object?[] items, bool isGroup = false) : JinjaContainer(budget, items)
{
    private int? _hash;

    public object?[] Items { get; } = items;

    public bool IsGroup { get; } = isGroup;

    public int Hash(Func<object?[], int> compute) => _hash ??= compute(Items);
}

/// <summary>A Python dict: in order of insertion, with 1, 1.0 and true the same key.</summary>
internal sealed class JinjaDict : JinjaContainer
{
    private readonly JinjaBudget _budget;
    private readonly OrderedDictionary<JinjaKey, object?> _entries;

    /// <summary>Takes the entries over; a later one replaces the value of an equal earlier one.</summary>
    public JinjaDict(JinjaBudget budget, IReadOnlyCollection<(object? Key, object? Value)> entries)
        : base(budget, [.. entries.Select(e => e.Key), .. entries.Select(e => e.Value)])
    {
        _budget = budget;
        budget.SpendMemory(128);
        _entries = new(entries.Count);
        foreach (var (key, value) in entries)
            _entries[Key(key)] = value;
    }

    public int Count => _entries.Count;

    public IEnumerable<object?> Keys => _entries.Select(e => e.Key.Value);

    public IEnumerable<object?> Values => _entries.Values;

    public IEnumerable<(object? Key, object? Value)> Entries => _entries.Select(e => (e.Key.Value, e.Value));

    public bool TryGet(object? key, out object? value) => _entries.TryGetValue(Key(key), out value);

    private JinjaKey Key(object? key)
    {
        _budget.Spend(JinjaOperators.Weight(key));
        return JinjaKey.Of(key);
    }
}

/// <summary>A value as dictionary key, equal and hashed as in Python.</summary>
internal readonly record struct JinjaKey(object? Value)
{
    /// <summary>Refuses what Python cannot hash.</summary>
    public static JinjaKey Of(object? value) => IsHashable(value)
        ? new(value)
        : throw new JinjaException($"A {JinjaText.TypeName(value)} cannot be a key: unhashable type.");

    public static bool IsHashable(object? value) => value switch
    {
        JinjaList or JinjaDict or JinjaView => false,
        JinjaTuple tuple => Array.TrueForAll(tuple.Items, IsHashable),
        _ => true,
    };

    public bool Equals(JinjaKey other) => JinjaOperators.AreEqual(Value, other.Value);

    public override int GetHashCode() => Hash(Value);

    // Numbers are hashed as integers where they are whole, with seeds of this process: no template can choose keys that all collide.
    private static int Hash(object? value) => value switch
    {
        null => 0,
        bool flag => Integer(flag ? 1 : 0),
        long integer => Integer(integer),
        BigInteger integer => integer.GetHashCode(),
        double number when double.IsFinite(number) && Math.Floor(number) == number => Hash(JinjaNumbers.OneForm(new BigInteger(number))),
        double number => Integer(BitConverter.DoubleToInt64Bits(number)),
        string text => text.GetHashCode(StringComparison.Ordinal),
        JinjaMarkup markup => markup.Text.GetHashCode(StringComparison.Ordinal),
        JinjaUndefined => 1,
        JinjaRange range => Integer(range.Count),
        JinjaTuple tuple => tuple.Hash(items => items.Aggregate(17, (hash, item) => HashCode.Combine(hash, Hash(item)))),
        _ => System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(value),
    };

    private static int Integer(long value) => HashCode.Combine((int)value, (int)(value >> 32));
}

internal enum JinjaViewKind { Keys, Values, Items }

/// <summary><c>dict.keys()</c>, <c>.values()</c> or <c>.items()</c>: countable, not indexable.</summary>
internal sealed record JinjaView(JinjaDict Dict, JinjaViewKind Kind);

/// <summary><c>range(start, stop, step)</c>, never written out.</summary>
internal sealed record JinjaRange(long Start, long Stop, long Step)
{
    public long Count { get; } = Step > 0
        ? (Stop > Start ? (long)(((Int128)Stop - Start - 1) / Step + 1) : 0)
        : (Start > Stop ? (long)(((Int128)Start - Stop - 1) / -(Int128)Step + 1) : 0);

    public long this[long index] => Start + index * Step;
}

/// <summary>A Python generator: can be walked once, has no length. Many filters give one.</summary>
internal sealed class JinjaIterator
{
    private readonly IEnumerable<object?> _items;
    private IEnumerator<object?>? _rest;

    public JinjaIterator(JinjaBudget budget, IEnumerable<object?> items)
    {
        // With the enumerators and closures behind it.
        budget.SpendMemory(512);
        _items = items;
    }

    public IEnumerator<object?> Rest => _rest ??= _items.GetEnumerator();
}

/// <summary>Something with attributes of its own that templates may read.</summary>
internal abstract class JinjaObject
{
    /// <summary>The Python name of its type.</summary>
    public abstract string TypeName { get; }

    /// <summary>As <c>{{ x }}</c> prints it.</summary>
    public virtual string Description => $"<{TypeName} object>";

    public abstract bool TryGetAttribute(JinjaInterpreter interpreter, string name, out object? value);
}

/// <summary><c>namespace(…)</c>: the one thing whose attributes <c>set</c> can change, also from inner scopes.</summary>
internal sealed class JinjaNamespace(Dictionary<string, object?> values) : JinjaObject
{
    public override string TypeName => "Namespace";

    public Dictionary<string, object?> Values { get; } = values;

    public override bool TryGetAttribute(JinjaInterpreter interpreter, string name, out object? value) => Values.TryGetValue(name, out value);
}

/// <summary>A function or a method bound to its object.</summary>
internal sealed class JinjaCallable(string name, Func<JinjaInterpreter, JinjaArguments, object?> body)
{
    public string Name { get; } = name;

    public object? Call(JinjaInterpreter interpreter, JinjaArguments arguments) => body(interpreter, arguments);
}

/// <summary>Variables of one scope; unknown names are looked for in the scope around it.</summary>
internal sealed class JinjaScope(JinjaScope? parent)
{
    private Dictionary<string, object?>? _values;

    public void Set(string name, object? value) => (_values ??= [])[name] = value;

    public bool TryGet(string name, out object? value)
    {
        for (var scope = this; scope is not null; scope = scope.Outer)
        {
            if (scope._values is not null && scope._values.TryGetValue(name, out value))
                return true;
        }
        value = null;
        return false;
    }

    private JinjaScope? Outer => parent;
}

/// <summary>A macro with the scope it was defined in.</summary>
internal sealed class JinjaMacro(JinjaMacroDefinition definition, JinjaScope scope) : JinjaObject
{
    public JinjaMacroDefinition Definition { get; } = definition;

    public JinjaScope Scope { get; } = scope;

    public override string TypeName => "Macro";

    public override string Description => $"<Macro '{Definition.Name}'>";

    public override bool TryGetAttribute(JinjaInterpreter interpreter, string name, out object? value)
    {
        value = name switch
        {
            "name" => Definition.Name,
            "arguments" => new JinjaTuple(interpreter.Budget, [.. Definition.Parameters.Select(p => p.Name)]),
            "caller" => Definition.TakesCaller,
            "catch_varargs" => Definition.TakesVarargs,
            "catch_kwargs" => Definition.TakesKwargs,
            _ => null,
        };
        return value is not null;
    }
}
