using System.Diagnostics.CodeAnalysis;

namespace EmbeddedLlm.Grammar.Automata;

/// <summary>
/// Makes expressions, each one once, and simplifies as it makes them: nothing that cannot match stays in a sequence, alternatives are flat, sorted
/// and joined where they are single bytes. Not for use by two threads at once.
/// </summary>
internal sealed class ExprPool
{
    /// <summary>Every byte but zero, which no token writes: texts are made of these.</summary>
    public static readonly ByteSet NotZero = ~ByteSet.Of(0);

    private readonly HashSet<Expr> _known = new(Comparer.Instance);
    private readonly List<Expr> _parts = [];
    private int _nextId;

    public ExprPool()
    {
        Never = Intern(new Expr(ExprKind.Never) { Nullable = false });
        Empty = Intern(new Expr(ExprKind.Empty) { Nullable = true });
        Anything = Repeat(Bytes(ByteSet.All), 0, -1);
    }

    /// <summary>Matches nothing.</summary>
    public Expr Never { get; }

    /// <summary>Matches the empty text.</summary>
    public Expr Empty { get; }

    /// <summary>Matches every text.</summary>
    public Expr Anything { get; }

    /// <summary>Expressions that are kept.</summary>
    public int Count => _known.Count;

    /// <summary>The most expressions that may be kept; compiling stops at it.</summary>
    public int Limit { get; set; } = ConstraintLimits.CompiledExpressions;

    /// <summary>One byte of a set. None is zero.</summary>
    public Expr Bytes(ByteSet set) => (set & NotZero) is { IsEmpty: false } bytes ? Intern(new Expr(ExprKind.Bytes) { Bytes = bytes, Nullable = false }) : Never;

    public Expr Tokens(TokenSet set) => Intern(new Expr(ExprKind.Tokens) { Tokens = set, Nullable = false, IsEndless = true });

    public Expr Call(Rule rule) => Intern(new Expr(ExprKind.Call) { Rule = rule, IsEndless = true });

    public Expr FormOf(Form form) => Intern(new Expr(ExprKind.Form) { Form = form, IsEndless = true });

    public Expr Literal(ReadOnlySpan<byte> text, Expr? tail = null)
    {
        var result = tail ?? Empty;
        for (var i = text.Length - 1; i >= 0; i--)
            result = Seq(Bytes(ByteSet.Of(text[i])), result);
        return result;
    }

    public Expr Seq(Expr first, Expr rest)
    {
        if (first == Never || rest == Never)
            return Never;
        if (first == Empty)
            return rest;
        if (rest == Empty)
            return first;
        if (first.Kind == ExprKind.Seq)
        {
            // Link by link, since literals are long.
            var start = _parts.Count;
            for (; first.Kind == ExprKind.Seq; first = first.Rest!)
                _parts.Add(first.First!);
            rest = Seq(first, rest);
            for (var i = _parts.Count - 1; i >= start; i--)
                rest = Seq(_parts[i], rest);
            _parts.RemoveRange(start, _parts.Count - start);
            return rest;
        }
        return Intern(new Expr(ExprKind.Seq) { First = first, Rest = rest, HasAnd = first.HasAnd || rest.HasAnd, IsEndless = first.IsEndless || rest.IsEndless });
    }

    public Expr Seq(params ReadOnlySpan<Expr> parts)
    {
        var result = Empty;
        for (var i = parts.Length - 1; i >= 0; i--)
            result = Seq(parts[i], result);
        return result;
    }

    public Expr Optional(Expr body) => Alt(body, Empty);

    public Expr Repeat(Expr body, int min, int max)
    {
        if (max == 0 || body == Empty)
            return Empty;
        if (body == Never)
            return min == 0 ? Empty : Never;
        if (min == 1 && max == 1)
            return body;
        if (body.Kind == ExprKind.Repeat && min <= 1 && max == -1 && body is { Min: <= 1, Max: -1 })
            return Repeat(body.First!, Math.Min(min, body.Min), -1);
        return Intern(new Expr(ExprKind.Repeat) { First = body, Min = min, Max = max, HasAnd = body.HasAnd, IsEndless = max < 0 || body.IsEndless });
    }

    public Expr Alt(Expr left, Expr right)
    {
        if (left == right || right == Never)
            return left;
        return left == Never ? right : Alt([left, right]);
    }

    public Expr Alt(params ReadOnlySpan<Expr> parts)
    {
        if (parts.Length == 1)
            return parts[0];
        var start = _parts.Count;
        var bytes = default(ByteSet);
        var hasAnd = false;
        foreach (var part in parts)
        {
            foreach (var flat in part.Kind == ExprKind.Alt ? part.Parts : new ReadOnlySpan<Expr>(in part))
            {
                if (flat.Kind == ExprKind.Bytes)
                    bytes |= flat.Bytes;
                else if (flat != Never)
                    _parts.Add(flat);
                hasAnd |= flat.HasAnd;
            }
        }
        if (!bytes.IsEmpty)
            _parts.Add(Bytes(bytes));
        var sorted = Sort(start);
        return sorted.Length switch
        {
            0 => Never,
            1 => sorted[0],
            > ConstraintLimits.Alternatives => throw ConstraintException.Limit("alternatives", $"More than {ConstraintLimits.Alternatives} stand side by side."),
            _ => Intern(new Expr(ExprKind.Alt) { Parts = sorted, HasAnd = hasAnd, IsEndless = Array.Exists(sorted, part => part.IsEndless) }),
        };
    }

    /// <summary>The texts that all parts match. The parts hold no calls.</summary>
    public Expr And(params ReadOnlySpan<Expr> parts)
    {
        var start = _parts.Count;
        foreach (var part in parts)
        {
            foreach (var flat in part.Kind == ExprKind.And ? part.Parts : new ReadOnlySpan<Expr>(in part))
            {
                if (flat != Anything && !(flat.Kind == ExprKind.Not && flat.First == Never))
                    _parts.Add(flat);
            }
        }
        var sorted = Sort(start);
        if (sorted.Length == 0)
            return Anything;
        if (sorted.Length == 1)
            return sorted[0];
        if (Array.IndexOf(sorted, Never) >= 0)
            return Never;
        if (Array.IndexOf(sorted, Empty) >= 0)
            return Array.TrueForAll(sorted, IsNullable) ? Empty : Never;
        foreach (var part in sorted)
        {
            if (part.Kind == ExprKind.Not && (Array.IndexOf(sorted, part.First) >= 0 || Array.Exists(part.First!.Parts, one => part.First.Kind == ExprKind.Alt && Array.IndexOf(sorted, one) >= 0)))
                return Never;
        }
        return Intern(new Expr(ExprKind.And) { Parts = sorted, HasAnd = true, IsEndless = Array.TrueForAll(sorted, part => part.IsEndless) });
    }

    /// <summary>Every text that the body does not match. The body holds no calls.</summary>
    public Expr Not(Expr body) => body.Kind == ExprKind.Not ? body.First! : Intern(new Expr(ExprKind.Not) { First = body, HasAnd = true, IsEndless = true });

    /// <summary>One of many literals, each with its own tail, as a tree over their bytes.</summary>
    public Expr Choice(List<(byte[] Text, Expr Tail)> choices)
    {
        choices.Sort((x, y) => x.Text.AsSpan().SequenceCompareTo(y.Text));
        return Choice(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(choices), 0);
    }

    private Expr Choice(ReadOnlySpan<(byte[] Text, Expr Tail)> choices, int depth)
    {
        ConstraintLimits.CheckStack();
        if (choices.Length == 1)
            return Literal(choices[0].Text.AsSpan(depth), choices[0].Tail);
        // What all have in common stands before the fork; the texts are sorted, so the first and the last tell.
        var common = choices[0].Text.AsSpan(depth).CommonPrefixLength(choices[^1].Text.AsSpan(depth));
        var at = depth + common;
        var branches = new List<Expr>();
        for (var i = 0; i < choices.Length;)
        {
            if (choices[i].Text.Length == at)
            {
                branches.Add(choices[i++].Tail);
                continue;
            }
            var end = i + 1;
            while (end < choices.Length && choices[end].Text[at] == choices[i].Text[at])
                end++;
            branches.Add(Choice(choices[i..end], at));
            i = end;
        }
        return Literal(choices[0].Text.AsSpan(depth, common), Alt(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(branches)));
    }

    /// <summary>Whether the expression matches the empty text. Rules must know theirs.</summary>
    public bool IsNullable(Expr expr)
    {
        if (expr.Nullable is { } known)
            return known;
        ConstraintLimits.CheckStack();
        var nullable = expr.Kind switch
        {
            ExprKind.Call => expr.Rule!.IsNullable,
            ExprKind.Seq => IsNullable(expr.First!) && IsNullable(expr.Rest!),
            ExprKind.Alt => Array.Exists(expr.Parts, IsNullable),
            ExprKind.And => Array.TrueForAll(expr.Parts, IsNullable),
            ExprKind.Not => !IsNullable(expr.First!),
            ExprKind.Repeat => expr.Min == 0 || IsNullable(expr.First!),
            _ => expr.Form!.IsNullable,
        };
        expr.Nullable = nullable;
        return nullable;
    }

    public Expr Expand(Expr form) => form.Expansion ??= form.Form!.Expand(this);

    /// <summary>Forgets the expressions that nobody else holds. Expressions made from now on may equal older ones without being them.</summary>
    public void Trim()
    {
        _known.Clear();
        _known.Add(Never);
        _known.Add(Empty);
        _known.Add(Anything);
    }

    private Expr[] Sort(int start)
    {
        _parts.Sort(start, _parts.Count - start, IdOrder.Instance);
        var unique = start;
        for (var i = start; i < _parts.Count; i++)
        {
            if (i == start || _parts[i] != _parts[unique - 1])
                _parts[unique++] = _parts[i];
        }
        var sorted = new Expr[unique - start];
        _parts.CopyTo(start, sorted, 0, sorted.Length);
        _parts.RemoveRange(start, _parts.Count - start);
        return sorted;
    }

    private Expr Intern(Expr candidate)
    {
        if (_known.TryGetValue(candidate, out var known))
            return known;
        if (_known.Count >= Limit)
            throw ConstraintException.Limit("size", $"It needs more than {Limit} expressions.");
        candidate.Id = _nextId++;
        _known.Add(candidate);
        return candidate;
    }

    private sealed class IdOrder : IComparer<Expr>
    {
        public static IdOrder Instance { get; } = new();

        public int Compare(Expr? x, Expr? y) => x!.Id.CompareTo(y!.Id);
    }

    private sealed class Comparer : IEqualityComparer<Expr>
    {
        public static Comparer Instance { get; } = new();

        public bool Equals(Expr? x, Expr? y) => x!.Equivalent(y!);

        public int GetHashCode([DisallowNull] Expr obj) => obj.EquivalenceHash();
    }
}
