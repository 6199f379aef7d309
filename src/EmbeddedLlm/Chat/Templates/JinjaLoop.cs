namespace EmbeddedLlm.Chat.Templates;

/// <summary>The variable <c>loop</c>. It looks ahead only when asked to, as filters of a loop may depend on what its body has set.</summary>
internal sealed class JinjaLoop(JinjaBudget budget, IEnumerable<object?> items, object? source, int depth, Func<object?, string>? recurse) : JinjaObject
{
    private IEnumerator<object?> _rest = items.GetEnumerator();
    private (bool IsKnown, bool Exists, object? Value) _next;
    private (bool Exists, object? Value) _previous;
    private object?[]? _lastChecked;
    private long _index = -1;
    private long? _length = source switch
    {
        JinjaList list => list.Items.Count,
        JinjaTuple tuple => tuple.Items.Length,
        JinjaDict dict => dict.Count,
        JinjaView view => view.Dict.Count,
        JinjaRange range => range.Count,
        _ => JinjaText.TryString(source, out var text) ? JinjaText.Length(text) : null,
    };

    public object? Current { get; private set; }

    public override string TypeName => "LoopContext";

    public override string Description => $"<LoopContext {_index + 1}/{Length()}>";

    public bool MoveNext()
    {
        Peek();
        if (!_next.Exists)
            return false;
        _previous = (_index >= 0, Current);
        Current = _next.Value;
        _next = default;
        _index++;
        return true;
    }

    public string Recurse(object? inner) => recurse is null
        ? throw new JinjaException("Only a loop marked 'recursive' can be called.")
        : recurse(inner);

    public override bool TryGetAttribute(JinjaInterpreter interpreter, string name, out object? value)
    {
        value = name switch
        {
            "index" => _index + 1,
            "index0" => _index,
            "first" => _index == 0,
            "last" => !Peek(),
            "length" => Length(),
            "revindex" => Length() - _index,
            "revindex0" => Length() - _index - 1,
            "depth" => depth + 1L,
            "depth0" => (long)depth,
            "previtem" => _previous.Exists ? _previous.Value : new JinjaUndefined("There is no previous item."),
            "nextitem" => Peek() ? _next.Value : new JinjaUndefined("There is no next item."),
            "cycle" => new JinjaCallable("cycle", (_, a) => a.Positional.Length > 0 ? a.Positional[_index % a.Positional.Length] : throw new JinjaException("cycle() needs items.")),
            "changed" => new JinjaCallable("changed", (_, a) => HasChanged(interpreter, a.Positional)),
            _ => JinjaBound.Missing,
        };
        return value != JinjaBound.Missing;
    }

    private bool Peek()
    {
        if (!_next.IsKnown)
        {
            var exists = _rest.MoveNext();
            _next = (true, exists, exists ? _rest.Current : null);
        }
        return _next.Exists;
    }

    private long Length()
    {
        if (_length is null)
        {
            var rest = new List<object?>();
            while (_rest.MoveNext())
                rest.Add(_rest.Current);
            budget.SpendItems(rest.Count);
            _rest = rest.GetEnumerator();
            _length = rest.Count + _index + 1 + (_next.Exists ? 1 : 0);
        }
        return _length.Value;
    }

    private bool HasChanged(JinjaInterpreter interpreter, object?[] values)
    {
        var isSame = _lastChecked is not null && _lastChecked.Length == values.Length && _lastChecked.Zip(values).All(p => JinjaOperators.Equal(interpreter, p.First, p.Second));
        _lastChecked = values;
        return !isSame;
    }
}
