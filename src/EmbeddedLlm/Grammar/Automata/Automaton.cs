using System.Diagnostics.CodeAnalysis;

namespace EmbeddedLlm.Grammar.Automata;

/// <summary>
/// The rows of one grammar, made as they are reached. This is J. Earley's parser (1970) over expressions in place of dotted rules: a row holds
/// each way to read the text so far, a byte takes the derivative of all, and where nothing need be left of one, its callers go on.
/// Equal rows are one object, so every byte and mask is computed once. Not for use by two threads at once.
/// </summary>
internal sealed class Automaton
{
    private readonly ExprPool _pool;
    private readonly HashSet<Row> _rows = new(RowComparer.Instance);
    private readonly HashSet<Continuation> _continuations = new(ContinuationComparer.Instance);
    private readonly Continuation _root = new(0) { Frames = [] };

    // The row that is being built: one slot for each continuation.
    private readonly List<(Expr Expr, Continuation Then, bool Completed)> _slots = [];
    private readonly Queue<int> _completions = new();
    private readonly Dictionary<Rule, Caller> _callers = [];
    private int _stamp;
    private int _nextContinuation = 1;
    private bool _accepting;

    public Automaton(ExprPool pool, Rule root)
    {
        _pool = pool;
        Derivatives = new Derivatives(pool);
        Begin();
        Add(pool.Call(root), _root);
        Start = Finish();
    }

    public Derivatives Derivatives { get; }

    /// <summary>The row before any text.</summary>
    public Row Start { get; }

    /// <summary>The row after a text that may not come.</summary>
    public Row Dead { get; } = new([], false);

    public int Generation { get; private set; }

    /// <summary>The row after a byte; dead where the byte may not come.</summary>
    public Row Step(Row row, byte b) => row.Next?[b] is { } known && row.Generation == Generation ? known : ComputeStep(row, b);

    /// <summary>The row after a byte; <paramref name="same"/> loses the bytes after which there may be another.</summary>
    public Row Step(Row row, byte b, ref ByteSet same)
    {
        var next = Step(row, b);
        same &= row.Next?.SameAs(b) ?? ByteSet.Of(b);
        return next;
    }

    private Row ComputeStep(Row row, byte b)
    {
        Refresh(row);
        if (row.Next?[b] is { } known)
            return known;
        var same = ByteSet.All;
        Begin();
        foreach (var item in Close(row))
            Add(Derivatives.Derive(item.Expr, b, ref same), item.Then);
        var next = Finish();
        (row.Next ??= new Transitions<Row>()).Add(same, next);
        return next;
    }

    /// <summary>The row after a token that the grammar asks for by its id.</summary>
    public Row StepToken(Row row, int token, Row also)
    {
        Refresh(row);
        Close(row);
        if (row.TokenItems.Length == 0)
            return also;
        Begin();
        foreach (var item in also.Items)
            Add(item.Expr, item.Then);
        _accepting |= also.IsAccepting;
        foreach (var (tokens, then) in row.TokenItems)
        {
            if (tokens.Contains(token))
                Add(then.Expr, then.Then);
        }
        return Finish();
    }

    /// <summary>Whether the row asks for tokens by themselves.</summary>
    public bool HasTokens(Row row)
    {
        Refresh(row);
        Close(row);
        return row.TokenItems.Length > 0;
    }

    /// <summary>The items of a row with those of the rules that may come first in them.</summary>
    public Item[] Close(Row row)
    {
        if (row.Closure is { } known)
            return known;
        if (!Array.Exists(row.Items, item => Derivatives.Calls(item.Expr).Length > 0))
            return row.Closure = row.Items;
        _callers.Clear();
        var order = new List<(Rule Rule, Caller Caller)>();
        var tokens = new List<(TokenSet, Expr, Continuation?, Caller?)>();
        foreach (var item in row.Items)
            Collect(item.Expr, item.Then, null, order, tokens);
        for (var i = 0; i < order.Count; i++)
            Collect(order[i].Rule.Body!, null, order[i].Caller, order, tokens);

        var closure = new Item[row.Items.Length + order.Count];
        row.Items.CopyTo(closure, 0);
        for (var i = 0; i < order.Count; i++)
            closure[row.Items.Length + i] = new Item(order[i].Rule.Body!, Resolve(order[i].Caller));
        if (tokens.Count > 0)
            row.TokenItems = [.. tokens.Select(t => (t.Item1, new Item(t.Item2, t.Item3 ?? Resolve(t.Item4!))))];
        return row.Closure = closure;
    }

    private void Collect(Expr expr, Continuation? then, Caller? owner, List<(Rule, Caller)> order, List<(TokenSet, Expr, Continuation?, Caller?)> tokens)
    {
        foreach (var call in Derivatives.Calls(expr))
        {
            if (call.Rule is null)
            {
                tokens.Add((call.Tokens, call.After, then, owner));
                continue;
            }
            if (!_callers.TryGetValue(call.Rule, out var caller))
            {
                _callers[call.Rule] = caller = new Caller();
                order.Add((call.Rule, caller));
            }
            caller.Places.Add((call.After, then, owner));
        }
    }

    private Continuation Resolve(Caller caller)
    {
        if (caller.Result is { } known)
            return known;
        if (caller.IsOpen)
            return caller.Result = new Continuation(_nextContinuation++);
        ConstraintLimits.CheckStack();
        caller.IsOpen = true;
        var frames = new List<Item>();
        foreach (var (after, then, owner) in caller.Places)
        {
            var next = then ?? Resolve(owner!);
            // The last call of a rule returns to where the rule itself returns, so that lists written with recursion on the right do not grow a stack.
            if (after == _pool.Empty && next != _root && next.Frames is { } ready)
                frames.AddRange(ready);
            else if (after != _pool.Empty || next != caller.Result)
                frames.Add(new Item(after, next));
        }
        var sorted = Sort(frames);
        if (caller.Result is { } self)
        {
            self.Frames = sorted;
            return self;
        }
        if (sorted is [{ } only] && only.Expr == _pool.Empty)
            return caller.Result = only.Then;
        var candidate = new Continuation(_nextContinuation) { Frames = sorted };
        if (_continuations.TryGetValue(candidate, out var equal))
            return caller.Result = equal;
        _nextContinuation++;
        _continuations.Add(candidate);
        return caller.Result = candidate;
    }

    private Item[] Sort(List<Item> frames)
    {
        frames.Sort((x, y) => x.Then.Id.CompareTo(y.Then.Id));
        var count = 0;
        for (var i = 0; i < frames.Count; i++)
        {
            if (count > 0 && frames[count - 1].Then == frames[i].Then)
                frames[count - 1] = new Item(_pool.Alt(frames[count - 1].Expr, frames[i].Expr), frames[i].Then);
            else
                frames[count++] = frames[i];
        }
        return [.. frames[..count]];
    }

    private void Begin()
    {
        _stamp++;
        _slots.Clear();
        _completions.Clear();
        _accepting = false;
    }

    private void Add(Expr expr, Continuation then)
    {
        if (expr == _pool.Never || (expr.HasAnd && !Derivatives.IsLive(expr)))
            return;
        if (then.Stamp != _stamp)
        {
            then.Stamp = _stamp;
            then.Slot = _slots.Count;
            _slots.Add((expr, then, false));
        }
        else
        {
            var slot = _slots[then.Slot];
            slot.Expr = _pool.Alt(slot.Expr, expr);
            _slots[then.Slot] = slot;
        }
        var current = _slots[then.Slot];
        if (!current.Completed && _pool.IsNullable(current.Expr))
        {
            _slots[then.Slot] = current with { Completed = true };
            _completions.Enqueue(then.Slot);
        }
    }

    private Row Finish()
    {
        while (_completions.TryDequeue(out var slot))
        {
            var then = _slots[slot].Then;
            _accepting |= then == _root;
            foreach (var frame in then.Frames!)
                Add(frame.Expr, frame.Then);
        }
        if (_slots.Count > ConstraintLimits.Alternatives)
            throw ConstraintException.Limit("ambiguity", $"The text can be read in more than {ConstraintLimits.Alternatives} ways.");
        var count = 0;
        foreach (var slot in _slots)
            count += slot.Expr != _pool.Empty ? 1 : 0;
        var items = count == 0 ? [] : new Item[count];
        foreach (var slot in _slots)
        {
            if (slot.Expr != _pool.Empty)
                items[^count--] = new Item(slot.Expr, slot.Then);
        }
        if (items.Length > 1)
            Array.Sort(items, (x, y) => x.Then.Id.CompareTo(y.Then.Id));
        if (items.Length == 0 && !_accepting)
            return Dead;
        var candidate = new Row(items, _accepting) { Generation = Generation };
        if (_rows.TryGetValue(candidate, out var known))
            return known;
        _rows.Add(candidate);
        return candidate;
    }

    /// <summary>Empties what is cached of a row from before <see cref="TrimIfLarge"/>.</summary>
    public void Refresh(Row row)
    {
        if (row.Generation == Generation)
            return;
        row.Generation = Generation;
        row.Next = null;
        row.Mask = null;
        row.Closure = null;
        row.TokenItems = [];
    }

    /// <summary>Forgets rows and expressions if there are many. Rows that states hold stay good and fill their caches anew.</summary>
    public void TrimIfLarge(bool force = false)
    {
        if (!force && _rows.Count <= ConstraintLimits.CachedRows && _pool.Count <= ConstraintLimits.CachedExpressions)
            return;
        _rows.Clear();
        _continuations.Clear();
        _pool.Trim();
        Generation++;
    }

    private sealed class Caller
    {
        public List<(Expr After, Continuation? Then, Caller? Owner)> Places { get; } = [];

        public Continuation? Result { get; set; }

        public bool IsOpen { get; set; }
    }

    private sealed class RowComparer : IEqualityComparer<Row>
    {
        public static RowComparer Instance { get; } = new();

        public bool Equals(Row? x, Row? y) => x!.IsAccepting == y!.IsAccepting && x.Items.AsSpan().SequenceEqual(y.Items);

        public int GetHashCode([DisallowNull] Row obj) => Hash(obj.Items);
    }

    private sealed class ContinuationComparer : IEqualityComparer<Continuation>
    {
        public static ContinuationComparer Instance { get; } = new();

        public bool Equals(Continuation? x, Continuation? y) => x!.Frames.AsSpan().SequenceEqual(y!.Frames);

        public int GetHashCode([DisallowNull] Continuation obj) => Hash(obj.Frames!);
    }

    private static int Hash(Item[] items)
    {
        var hash = new HashCode();
        foreach (var item in items)
        {
            hash.Add(item.Expr.Id);
            hash.Add(item.Then.Id);
        }
        return hash.ToHashCode();
    }
}
