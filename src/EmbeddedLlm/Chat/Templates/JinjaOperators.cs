using System.Numerics;

namespace EmbeddedLlm.Chat.Templates;

/// <summary>What Python's operators do with values of any type.</summary>
internal static class JinjaOperators
{
    public static bool IsTrue(object? value) => value switch
    {
        null or JinjaUndefined => false,
        bool flag => flag,
        long integer => integer != 0,
        double number => number != 0,
        string text => text.Length > 0,
        JinjaMarkup markup => markup.Text.Length > 0,
        JinjaList list => list.Items.Count > 0,
        JinjaTuple tuple => tuple.Items.Length > 0,
        JinjaDict dict => dict.Count > 0,
        JinjaView view => view.Dict.Count > 0,
        JinjaRange range => range.Count > 0,
        _ => true,
    };

    public static bool AreEqual(object? left, object? right)
    {
        if (ReferenceEquals(left, right) && left is not double)
            return true;
        if (JinjaText.TryString(left, out var a) && JinjaText.TryString(right, out var b))
            return a == b;
        if (JinjaNumbers.IsNumber(left) && JinjaNumbers.IsNumber(right))
            return left is long x && right is long y ? x == y : JinjaNumbers.Compare(left, right) == 0;
        return (left, right) switch
        {
            (JinjaUndefined, JinjaUndefined) => true,
            (JinjaList p, JinjaList q) => p.Items.Count == q.Items.Count && p.Items.Zip(q.Items).All(pair => AreEqual(pair.First, pair.Second)),
            (JinjaTuple p, JinjaTuple q) => p.Items.Length == q.Items.Length && p.Items.Zip(q.Items).All(pair => AreEqual(pair.First, pair.Second)),
            (JinjaDict p, JinjaDict q) => p.Count == q.Count && p.Entries.All(e => q.TryGet(e.Key, out var other) && AreEqual(e.Value, other)),
            (JinjaRange p, JinjaRange q) => p.Count == q.Count && (p.Count == 0 || (p.Start == q.Start && (p.Count == 1 || p.Step == q.Step))),
            _ => false,
        };
    }

    /// <summary>Order of two values, zero where they are equal; refuses what Python cannot order. NaN is neither less nor greater.</summary>
    private static int? Compare(object? left, object? right, string op)
    {
        if (JinjaNumbers.IsNumber(left) && JinjaNumbers.IsNumber(right))
            return left is long x && right is long y ? x.CompareTo(y) : JinjaNumbers.Compare(left, right);
        if (JinjaText.TryString(left, out var a) && JinjaText.TryString(right, out var b))
            return CompareText(a, b);
        if ((left, right) is (JinjaList p, JinjaList q))
            return CompareItems(p.Items, q.Items, op);
        if ((left, right) is (JinjaTuple s, JinjaTuple t))
            return CompareItems(s.Items, t.Items, op);
        RefuseUndefined(left);
        RefuseUndefined(right);
        throw new JinjaException($"'{op}' cannot order a {JinjaText.TypeName(left)} and a {JinjaText.TypeName(right)}.");
    }

    private static int? CompareItems(IReadOnlyList<object?> left, IReadOnlyList<object?> right, string op)
    {
        for (var i = 0; i < Math.Min(left.Count, right.Count); i++)
        {
            if (!AreEqual(left[i], right[i]))
                return Compare(left[i], right[i], op);
        }
        return left.Count.CompareTo(right.Count);
    }

    /// <summary>By code points: in UTF-16, pairs of surrogates stand before U+E000, though they mean what comes after.</summary>
    public static int CompareText(string left, string right)
    {
        var same = left.AsSpan().CommonPrefixLength(right);
        if (same == left.Length || same == right.Length)
            return left.Length.CompareTo(right.Length);
        var (a, b) = (left[same], right[same]);
        return char.IsSurrogate(a) != char.IsSurrogate(b) && a >= 0xD800 && b >= 0xD800 ? (char.IsSurrogate(a) ? 1 : -1) : a.CompareTo(b);
    }

    /// <summary>Steps that looking at a whole value costs.</summary>
    public static long Weight(object? value) => value switch
    {
        JinjaContainer container => container.Weight,
        string text => text.Length / 64,
        JinjaMarkup markup => markup.Text.Length / 64,
        _ => 0,
    };

    public static bool Equal(JinjaInterpreter interpreter, object? left, object? right)
    {
        interpreter.Budget.Spend(1 + Math.Min(Weight(left), Weight(right)));
        return AreEqual(left, right);
    }

    public static int? Order(JinjaInterpreter interpreter, object? left, object? right, string op = "<")
    {
        interpreter.Budget.Spend(1 + Math.Min(Weight(left), Weight(right)));
        return Compare(left, right, op);
    }

    /// <summary>Items in the order of their keys; equal ones keep their order, also when reversed.</summary>
    public static List<T> Sort<T>(JinjaInterpreter interpreter, IReadOnlyList<T> items, Func<T, object?> key, bool isReverse = false)
    {
        // A merge sort of our own: .NET's sorts wrap what comparisons throw and may reject orders with NaN.
        var keys = items.Select(key).ToArray();
        var order = Enumerable.Range(0, keys.Length).ToArray();
        var merged = new int[keys.Length];
        for (var width = 1; width < order.Length; width *= 2)
        {
            for (var start = 0; start < order.Length; start += 2 * width)
            {
                var (middle, end) = (Math.Min(start + width, order.Length), Math.Min(start + 2 * width, order.Length));
                var (left, right) = (start, middle);
                for (var to = start; to < end; to++)
                    merged[to] = left < middle && (right == end || !IsBefore(order[right], order[left])) ? order[left++] : order[right++];
            }
            (order, merged) = (merged, order);
        }
        return [.. order.Select(i => items[i])];

        bool IsBefore(int a, int b) => (isReverse ? Order(interpreter, keys[b], keys[a]) : Order(interpreter, keys[a], keys[b])) < 0;
    }

    public static bool Holds(JinjaInterpreter interpreter, string op, object? left, object? right) => op switch
    {
        "==" => Equal(interpreter, left, right),
        "!=" => !Equal(interpreter, left, right),
        "in" => Contains(interpreter, right, left),
        "not in" => !Contains(interpreter, right, left),
        "<" => Order(interpreter, left, right, op) < 0,
        "<=" => Order(interpreter, left, right, op) <= 0,
        ">" => Order(interpreter, left, right, op) > 0,
        _ => Order(interpreter, left, right, op) >= 0,
    };

    public static bool Contains(JinjaInterpreter interpreter, object? container, object? item)
    {
        if (JinjaText.TryString(container, out var text))
        {
            if (JinjaText.TryString(item, out var part))
                interpreter.Budget.SpendSearch(text, part);
            return item is string or JinjaMarkup
                ? text.Contains(part, StringComparison.Ordinal)
                : throw new JinjaException($"A string can only contain strings; 'in' was asked for a {JinjaText.TypeName(item)}.");
        }
        return container switch
        {
            JinjaDict dict => dict.TryGet(item, out _),
            JinjaView { Kind: JinjaViewKind.Keys } view => view.Dict.TryGet(item, out _),
            JinjaRange range when JinjaNumbers.TryInteger(item, out var whole) => Math.Sign(range.Step) is var sign && (whole - range.Start) * sign >= 0 && (range.Stop - whole) * sign > 0 && ((whole - range.Start) % range.Step).IsZero,
            _ => interpreter.Iterate(container).Any(i => Equal(interpreter, i, item)),
        };
    }

    public static object? Arithmetic(JinjaInterpreter interpreter, string op, object? left, object? right)
    {
        var budget = interpreter.Budget;
        if (JinjaNumbers.IsNumber(left) && JinjaNumbers.IsNumber(right))
            return JinjaNumbers.Compute(budget, op, left!, right!);
        var isText = JinjaText.TryString(left, out var a);
        switch (op)
        {
            case "%" when isText:
                var formatted = JinjaFormat.Percent(interpreter, a, right, left is JinjaMarkup);
                return left is JinjaMarkup ? new JinjaMarkup(formatted) : formatted;
            case "+" when isText && JinjaText.TryString(right, out var b):
                if (left is string && right is string)
                    return Join(budget, a, b);
                return new JinjaMarkup(Join(budget, JinjaMarkup.Escape(budget, left, a), JinjaMarkup.Escape(budget, right, b)));
            case "+" when (left, right) is (JinjaList p, JinjaList q):
                return new JinjaList(budget, [.. p.Items, .. q.Items]);
            case "+" when (left, right) is (JinjaTuple p, JinjaTuple q):
                return new JinjaTuple(budget, [.. p.Items, .. q.Items]);
            case "*" when JinjaNumbers.TryInteger(right, out var times) && Repeat(budget, left, times) is { } repeated:
                return repeated;
            case "*" when JinjaNumbers.TryInteger(left, out var times) && Repeat(budget, right, times) is { } repeated:
                return repeated;
        }
        RefuseUndefined(left);
        RefuseUndefined(right);
        throw new JinjaException($"'{op}' does not work on a {JinjaText.TypeName(left)} and a {JinjaText.TypeName(right)}.");
    }

    public static string Join(JinjaBudget budget, string left, string right)
    {
        budget.SpendText((long)left.Length + right.Length);
        return left + right;
    }

    private static object? Repeat(JinjaBudget budget, object? value, BigInteger times)
    {
        var count = (long)BigInteger.Min(BigInteger.Max(times, 0), int.MaxValue);
        switch (value)
        {
            case string text:
                return new JinjaTextBuilder(budget).Repeat(text, count).ToString();
            case JinjaMarkup markup:
                return new JinjaMarkup(new JinjaTextBuilder(budget).Repeat(markup.Text, count).ToString());
            case JinjaList list:
                budget.CheckItems(count * list.Items.Count);
                return new JinjaList(budget, [.. Enumerable.Repeat(list.Items, list.Items.Count == 0 ? 0 : (int)count).SelectMany(i => i)]);
            case JinjaTuple tuple:
                budget.CheckItems(count * tuple.Items.Length);
                return new JinjaTuple(budget, [.. Enumerable.Repeat(tuple.Items, tuple.Items.Length == 0 ? 0 : (int)count).SelectMany(i => i)]);
            default:
                return null;
        }
    }

    public static object? Signed(JinjaBudget budget, bool isNegative, object? value)
    {
        RefuseUndefined(value);
        if (value is double number)
            return isNegative ? -number : number;
        return JinjaNumbers.TryInteger(value, out var integer)
            ? budget.Integer(isNegative ? -integer : integer)
            : throw new JinjaException($"A {JinjaText.TypeName(value)} has no sign.");
    }

    public static void RefuseUndefined(object? value)
    {
        if (value is JinjaUndefined undefined)
            throw new JinjaException(undefined.Reason);
    }
}
