using System.Numerics;

namespace EmbeddedLlm.Chat.Templates;

/// <summary>Evaluates expressions.</summary>
internal sealed partial class JinjaInterpreter
{
    private object? Evaluate(JinjaExpression expression)
    {
        Visit(expression);
        switch (expression)
        {
            case JinjaExpression.Constant constant:
                return constant.Value;
            case JinjaExpression.Name name:
                return _scope.TryGet(name.Identifier, out var variable) ? variable : Undefined($"'{JinjaText.Short(name.Identifier)}' is undefined.");
            case JinjaExpression.Attribute attribute:
                return At(expression, GetAttribute(Evaluate(attribute.Target), attribute.Identifier));
            case JinjaExpression.Item { Index: JinjaExpression.Slice slice } item:
                return GetSlice(Evaluate(item.Target), EvaluateOrNone(slice.Start), EvaluateOrNone(slice.Stop), EvaluateOrNone(slice.Step));
            case JinjaExpression.Item item:
                return GetItem(Evaluate(item.Target), Evaluate(item.Index));
            case JinjaExpression.Call call:
                return Call(call);
            case JinjaExpression.Filter filter:
                return ApplyTo(filter, null);
            case JinjaExpression.Test test:
                return Test(test);
            case JinjaExpression.Not not:
                return !JinjaOperators.IsTrue(Evaluate(not.Operand));
            case JinjaExpression.And and:
                return Evaluate(and.Left) is var left && JinjaOperators.IsTrue(left) ? Evaluate(and.Right) : left;
            case JinjaExpression.Or or:
                return Evaluate(or.Left) is var first && JinjaOperators.IsTrue(first) ? first : Evaluate(or.Right);
            case JinjaExpression.Conditional conditional:
                if (JinjaOperators.IsTrue(Evaluate(conditional.Condition)))
                    return Evaluate(conditional.Then);
                return conditional.Else is null ? new JinjaUndefined("The condition is false and has no 'else'.") : Evaluate(conditional.Else);
            case JinjaExpression.Comparison comparison:
                return Compare(comparison);
            case JinjaExpression.Concatenation concatenation:
                var text = new JinjaTextBuilder(Budget);
                foreach (var part in concatenation.Parts)
                    text.Append(JinjaText.Str(Budget, Evaluate(part)));
                return text.ToString();
            case JinjaExpression.Arithmetic arithmetic:
                var (a, b) = (Evaluate(arithmetic.Left), Evaluate(arithmetic.Right));
                _at = expression.At;
                return JinjaOperators.Arithmetic(this, arithmetic.Operator, a, b);
            case JinjaExpression.Sign sign:
                return JinjaOperators.Signed(Budget, sign.IsNegative, Evaluate(sign.Operand));
            case JinjaExpression.ListLiteral list:
                return new JinjaList(Budget, [.. list.Items.Select(Evaluate)]);
            case JinjaExpression.TupleLiteral tuple:
                return new JinjaTuple(Budget, Array.ConvertAll(tuple.Items, Evaluate));
            case JinjaExpression.DictLiteral dict:
                return new JinjaDict(Budget, Array.ConvertAll(dict.Items, i => (Evaluate(i.Key), Evaluate(i.Value))));
            default:
                throw new JinjaException("A slice can only stand in brackets alone.");
        }
    }

    private object? EvaluateOrNone(JinjaExpression? expression) => expression is null ? null : Evaluate(expression);

    private bool Compare(JinjaExpression.Comparison comparison)
    {
        var left = Evaluate(comparison.First);
        foreach (var (op, operand) in comparison.Rest)
        {
            var right = Evaluate(operand);
            _at = comparison.At;
            if (!JinjaOperators.Holds(this, op, left, right))
                return false;
            left = right;
        }
        return true;
    }

    private object? ApplyTo(JinjaExpression.Filter? filter, object? body)
    {
        if (filter is null)
            return body;
        Visit(filter);
        // The innermost filter of a block has no input of its own: it takes the body.
        var input = filter.Input is JinjaExpression.Filter inner ? ApplyTo(inner, body) : filter.Input is null ? body : Evaluate(filter.Input);
        var arguments = Arguments(filter.Arguments);
        _at = filter.At;
        return Filter(filter.Identifier, input, arguments);
    }

    /// <summary>Applies a filter by name.</summary>
    public object? Filter(string name, object? input, JinjaArguments arguments) => JinjaFilters.All.TryGetValue(name, out var filter)
        ? filter.Call(this, input, arguments)
        : throw new JinjaException(JinjaFilters.Unknown(name));

    private bool Test(JinjaExpression.Test test)
    {
        var input = Evaluate(test.Input);
        var arguments = Arguments(test.Arguments);
        _at = test.At;
        return Test(test.Identifier, input, arguments);
    }

    /// <summary>Applies a test by name.</summary>
    public bool Test(string name, object? input, JinjaArguments arguments) => JinjaTests.All.TryGetValue(name, out var test)
        ? (bool)test.Call(this, input, arguments)!
        : throw new JinjaException($"There is no test '{name}'.");

    private object? Call(JinjaExpression.Call call, params ReadOnlySpan<(string Name, object? Value)> more)
    {
        var target = Evaluate(call.Target);
        var arguments = Arguments(call.Arguments);
        if (!more.IsEmpty)
            arguments = arguments with { Named = [.. arguments.Named, .. more] };
        _at = call.At;
        return Call(target, arguments);
    }

    private object? Call(object? target, JinjaArguments arguments)
    {
        switch (target)
        {
            case JinjaCallable callable:
                return callable.Call(this, arguments);
            case JinjaMacro macro:
                return CallMacro(macro, arguments);
            case JinjaLoop loop when arguments is { Positional.Length: 1, Named.Count: 0 }:
                return loop.Recurse(arguments.Positional[0]);
            case JinjaJoiner joiner:
                return joiner.Next();
            default:
                JinjaOperators.RefuseUndefined(target);
                throw new JinjaException($"A {JinjaText.TypeName(target)} cannot be called{(target is JinjaLoop ? " so" : "")}.");
        }
    }

    private JinjaArguments Arguments(JinjaCallSite site)
    {
        if (ReferenceEquals(site, JinjaCallSite.Empty))
            return new([], []);
        var positional = Array.ConvertAll(site.Positional, Evaluate);
        var named = new List<(string Name, object? Value)>();
        foreach (var (name, value) in site.Named)
            Name(name, Evaluate(value));
        if (site.More is not null)
            positional = [.. positional, .. Items(Evaluate(site.More))];
        if (site.MoreNamed is not null)
        {
            if (Evaluate(site.MoreNamed) is not JinjaDict dict)
                throw new JinjaException("What follows ** must be a dict.");
            foreach (var (key, value) in dict.Entries)
                Name(JinjaText.TryString(key, out var name) ? name : throw new JinjaException("The keys of what follows ** must be strings."), value);
        }
        Budget.Spend(positional.Length + named.Count);
        return new(positional, named);

        void Name(string name, object? value)
        {
            Budget.Spend(named.Count / 16);
            if (named.Exists(n => n.Name == name))
                throw new JinjaException($"The argument '{name}' is given twice.");
            named.Add((name, value));
        }
    }

    /// <summary>Keeps the place of a node for what may go wrong with its result.</summary>
    private object? At(JinjaNode node, object? value)
    {
        _at = node.At;
        return value;
    }

    /// <summary>The items of whatever can be walked; each costs a step.</summary>
    public IEnumerable<object?> Iterate(object? value)
    {
        var items = value switch
        {
            JinjaList list => ListItems(list),
            JinjaTuple tuple => tuple.Items,
            JinjaDict dict => dict.Keys,
            JinjaView { Kind: JinjaViewKind.Keys } view => view.Dict.Keys,
            JinjaView { Kind: JinjaViewKind.Values } view => view.Dict.Values,
            JinjaView view => view.Dict.Entries.Select(e => new JinjaTuple(Budget, [e.Key, e.Value])),
            JinjaRange range => Numbers(range),
            JinjaIterator iterator => Rest(iterator),
            JinjaUndefined => [],
            _ => JinjaText.TryString(value, out var text) ? JinjaText.Characters(text) : throw new JinjaException($"A {JinjaText.TypeName(value)} cannot be iterated."),
        };
        return Counted(items);

        IEnumerable<object?> Counted(IEnumerable<object?> items)
        {
            foreach (var item in items)
            {
                Budget.Spend();
                yield return item;
            }
        }

        // By index, as list.pop() may shorten a list that is being walked.
        static IEnumerable<object?> ListItems(JinjaList list)
        {
            for (var i = 0; i < list.Items.Count; i++)
                yield return list.Items[i];
        }

        static IEnumerable<object?> Numbers(JinjaRange range)
        {
            for (var i = 0L; i < range.Count; i++)
                yield return range[i];
        }

        IEnumerable<object?> Rest(JinjaIterator iterator)
        {
            while (MoveNext(iterator))
                yield return iterator.Rest.Current;
        }
    }

    /// <summary>The one place where a generator is walked. It may walk another one, and so on, in any chain that a template has made.</summary>
    private bool MoveNext(JinjaIterator iterator)
    {
        Budget.EnterWalk();
        EnsureStack();
        var isThere = iterator.Rest.MoveNext();
        Budget.LeaveWalk();
        return isThere;
    }

    /// <summary>The items in a list of their own.</summary>
    public List<object?> Items(object? value)
    {
        List<object?> items = [.. Iterate(value).Take(Budget.Limits.MaxValueSize)];
        Budget.SpendItems(items.Count);
        return items;
    }

    /// <summary>An undefined value with the reason for it.</summary>
    public JinjaUndefined Undefined(string reason)
    {
        Budget.SpendText(reason.Length);
        return new(reason);
    }

    /// <summary><c>value.name</c>: an attribute or method first, then the item of that name.</summary>
    public object? GetAttribute(object? value, string name)
    {
        JinjaOperators.RefuseUndefined(value);
        if (FindAttribute(value, name, out var attribute) || (value is JinjaDict dict && dict.TryGet(name, out attribute)))
            return attribute;
        return Undefined($"'{Describe(value)}' has no attribute '{JinjaText.Short(name)}'.");
    }

    /// <summary><c>value[index]</c>: an item first, then, for a string, the attribute or method of that name.</summary>
    public object? GetItem(object? value, object? index)
    {
        JinjaOperators.RefuseUndefined(value);
        Budget.Spend(1 + (value is JinjaContainer ? 0 : JinjaOperators.Weight(value)));
        if (value is JinjaDict dict)
        {
            if (JinjaKey.IsHashable(index) && dict.TryGet(index, out var found))
                return found;
        }
        else if (JinjaNumbers.TryInteger(index, out var whole) && TryLength(value, out var length) && value is not JinjaView)
        {
            var place = whole < 0 ? whole + length : whole;
            if (place >= 0 && place < length)
                return ItemAt(value!, (long)place);
        }
        if (!JinjaText.TryString(index, out var name))
            return Undefined($"{Describe(value)} has no element {JinjaText.Short(JinjaText.Repr(Budget, index))}.");
        return FindAttribute(value, name, out var attribute) ? attribute : Undefined($"'{Describe(value)}' has no attribute '{JinjaText.Short(name)}'.");
    }

    private static string Describe(object? value) => value is null ? "None" : JinjaText.TypeName(value) + " object";

    private bool FindAttribute(object? value, string name, out object? attribute)
    {
        attribute = null;
        if (name.StartsWith("__", StringComparison.Ordinal) || (value is JinjaObject && name.StartsWith('_')))
        {
            attribute = NotAllowed();
            return true;
        }
        if (value is JinjaObject thing)
            return thing.TryGetAttribute(this, name, out attribute);
        if (value is JinjaTuple { IsGroup: true } group && name is "grouper" or "list")
        {
            attribute = ((JinjaTuple)value!).Items[name == "list" ? 1 : 0];
            return true;
        }
        var (methods, forbidden) = JinjaMethods.Of(value);
        if (forbidden.Contains(name))
        {
            attribute = NotAllowed();
            return true;
        }
        if (!methods.TryGetValue(name, out var method))
            return false;
        Budget.SpendMemory(128);
        attribute = Bind(method, value);
        return true;

        JinjaUndefined NotAllowed() => Undefined($"Access to the attribute '{JinjaText.Short(name)}' of a {JinjaText.TypeName(value)} is not allowed.");
    }

    private static JinjaCallable Bind(JinjaFunction method, object? value) =>
        new(method.Name, (interpreter, arguments) => method.Call(interpreter, value, arguments));

    /// <summary>Python's <c>len</c>, where there is one.</summary>
    public static bool TryLength(object? value, out long length)
    {
        length = value switch
        {
            JinjaList list => list.Items.Count,
            JinjaTuple tuple => tuple.Items.Length,
            JinjaDict dict => dict.Count,
            JinjaView view => view.Dict.Count,
            JinjaRange range => range.Count,
            JinjaUndefined => 0,
            _ => JinjaText.TryString(value, out var text) ? JinjaText.Length(text) : -1,
        };
        return length >= 0;
    }

    private static object? ItemAt(object value, long index) => value switch
    {
        JinjaList list => list.Items[(int)index],
        JinjaTuple tuple => tuple.Items[index],
        JinjaRange range => range[index],
        JinjaMarkup markup => new JinjaMarkup(CharacterAt(markup.Text, index)),
        _ => CharacterAt((string)value, index),
    };

    private static string CharacterAt(string text, long index) => text[JinjaText.Offset(text, index)..JinjaText.Offset(text, index + 1)];

    /// <summary><c>value[start:stop:step]</c> with Python's rules for what is left out, negative or beyond the ends.</summary>
    public object? GetSlice(object? value, object? start, object? stop, object? step)
    {
        JinjaOperators.RefuseUndefined(value);
        if (!TryLength(value, out var length) || value is JinjaDict or JinjaView)
            throw new JinjaException($"A {JinjaText.TypeName(value)} cannot be sliced.");
        var by = Bound(step, 1);
        if (by.IsZero)
            throw new JinjaException("The step of a slice cannot be zero.");
        var isBackward = by < 0;
        var (low, high) = isBackward ? (-1L, length - 1) : (0L, length);
        var from = Place(start, isBackward ? high : low);
        var to = Place(stop, isBackward ? low : high);
        var stride = (long)BigInteger.Max(BigInteger.Min(by, int.MaxValue), -int.MaxValue);
        var places = new JinjaRange(from, to, stride);
        if (value is JinjaRange range)
            return new JinjaRange(range.Start + from * range.Step, range.Start + to * range.Step, range.Step * stride);
        switch (value)
        {
            case JinjaList list:
                return new JinjaList(Budget, [.. Places().Select(i => list.Items[(int)i])]);
            case JinjaTuple tuple:
                return new JinjaTuple(Budget, [.. Places().Select(i => tuple.Items[i])]);
        }
        JinjaText.TryString(value, out var text);
        Budget.Spend(text.Length / 16);
        if (stride == 1)
            Budget.SpendText(Math.Max(0, to - from));
        var part = stride == 1
            ? (from < to ? text[JinjaText.Offset(text, from)..JinjaText.Offset(text, to)] : "")
            : Pick(JinjaText.Offsets(text));
        return value is JinjaMarkup ? new JinjaMarkup(part) : part;

        IEnumerable<long> Places()
        {
            for (var i = 0L; i < places.Count; i++)
                yield return places[i];
        }

        string Pick(int[] offsets)
        {
            var picked = new JinjaTextBuilder(Budget);
            foreach (var i in Places())
                picked.Append(text.AsSpan(offsets[i]..offsets[i + 1]));
            return picked.ToString();
        }

        BigInteger Bound(object? bound, long fallback) => bound is null ? fallback
            : JinjaNumbers.TryInteger(bound, out var integer) ? integer
            : throw new JinjaException($"The bounds of a slice are integers, found a {JinjaText.TypeName(bound)}.");

        long Place(object? bound, long fallback)
        {
            var place = Bound(bound, fallback);
            if (bound is not null && place < 0)
                place += length;
            return (long)BigInteger.Max(low, BigInteger.Min(high, place));
        }
    }
}
