using System.Runtime.InteropServices;

namespace EmbeddedLlm.Grammar.Automata;

/// <summary>
/// What is left of an expression after a byte, after J. Brzozowski, "Derivatives of regular expressions", 1964, and which rules may come first in it.
/// Each answer also says for which other bytes it holds, so that a class of bytes is computed once.
/// </summary>
internal sealed class Derivatives(ExprPool pool)
{
    // What is left of the parts of the expressions that are at hand, one behind another.
    private readonly List<Expr> _parts = [];

    private readonly HashSet<Expr> _visited = [];
    private readonly Stack<Expr> _open = new();

    /// <summary>Derivatives taken since it was last set to zero.</summary>
    public int Work { get; set; }

    /// <summary>What is left after a byte; <paramref name="same"/> loses the bytes after which something else is left.</summary>
    public Expr Derive(Expr expr, byte b, ref ByteSet same)
    {
        if (expr.Next?[b] is { } known)
        {
            same &= expr.Next.SameAs(b);
            return known;
        }
        // Found sooner than looked up, and not worth a table.
        if (expr.Kind is ExprKind.Bytes or ExprKind.Never or ExprKind.Empty or ExprKind.Call or ExprKind.Tokens || expr is { Kind: ExprKind.Seq, First.Kind: ExprKind.Bytes })
            return Compute(expr, b, ref same);
        if (++Work > ConstraintLimits.StepWork)
            throw ConstraintException.Limit("work", $"One step takes more than {ConstraintLimits.StepWork} derivatives.");
        var own = ByteSet.All;
        var result = Compute(expr, b, ref own);
        (expr.Next ??= new Transitions<Expr>()).Add(own, result);
        same &= own;
        return result;
    }

    private Expr Compute(Expr expr, byte b, ref ByteSet same)
    {
        switch (expr.Kind)
        {
            case ExprKind.Bytes:
                var contains = expr.Bytes.Contains(b);
                same &= contains ? expr.Bytes : ~expr.Bytes;
                return contains ? pool.Empty : pool.Never;
            case ExprKind.Seq:
                ConstraintLimits.CheckStack();
                var first = pool.Seq(Derive(expr.First!, b, ref same), expr.Rest!);
                return pool.IsNullable(expr.First!) ? pool.Alt(first, Derive(expr.Rest!, b, ref same)) : first;
            case ExprKind.Repeat:
                ConstraintLimits.CheckStack();
                return pool.Seq(Derive(expr.First!, b, ref same), Once(expr));
            case ExprKind.Not when b == 0:
                same &= ~ExprPool.NotZero;
                return pool.Never;
            case ExprKind.Not:
                ConstraintLimits.CheckStack();
                same &= ExprPool.NotZero;
                return pool.Not(Derive(expr.First!, b, ref same));
            case ExprKind.Form:
                return Derive(pool.Expand(expr), b, ref same);
            case ExprKind.Alt or ExprKind.And:
                ConstraintLimits.CheckStack();
                return ComputeParts(expr, b, ref same);
            default:
                return pool.Never;
        }
    }

    private Expr ComputeParts(Expr expr, byte b, ref ByteSet same)
    {
        var start = _parts.Count;
        Work += expr.Parts.Length;
        try
        {
            foreach (var part in expr.Parts)
            {
                var left = Derive(part, b, ref same);
                if (left != pool.Never)
                    _parts.Add(left);
                else if (expr.Kind == ExprKind.And)
                    return pool.Never;
            }
            var parts = CollectionsMarshal.AsSpan(_parts)[start..];
            return expr.Kind == ExprKind.And ? pool.And(parts) : pool.Alt(parts);
        }
        finally
        {
            _parts.RemoveRange(start, _parts.Count - start);
        }
    }

    /// <summary>The rules and tokens that may come first, each with what follows it.</summary>
    public Call[] Calls(Expr expr)
    {
        if (expr.Calls is { } known)
            return known;
        ConstraintLimits.CheckStack();
        var calls = new List<Call>();
        switch (expr.Kind)
        {
            case ExprKind.Call when expr.Rule!.IsProductive:
                calls.Add(new Call(expr.Rule, default, pool.Empty));
                break;
            case ExprKind.Tokens:
                calls.Add(new Call(null, expr.Tokens, pool.Empty));
                break;
            case ExprKind.Seq:
                foreach (var call in Calls(expr.First!))
                    calls.Add(call with { After = pool.Seq(call.After, expr.Rest!) });
                if (pool.IsNullable(expr.First!))
                    calls.AddRange(Calls(expr.Rest!));
                break;
            case ExprKind.Alt:
                foreach (var part in expr.Parts)
                    calls.AddRange(Calls(part));
                break;
            case ExprKind.Repeat:
                foreach (var call in Calls(expr.First!))
                    calls.Add(call with { After = pool.Seq(call.After, Once(expr)) });
                break;
            case ExprKind.Form:
                calls.AddRange(Calls(pool.Expand(expr)));
                break;
        }
        return expr.Calls = calls.Count == 0 ? [] : [.. calls];
    }

    private Expr Once(Expr repeat) => pool.Repeat(repeat.First!, Math.Max(0, repeat.Min - 1), repeat.Max < 0 ? -1 : repeat.Max - 1);

    /// <summary>Whether any text is left to match: false for an intersection whose parts have parted.</summary>
    public bool IsLive(Expr expr)
    {
        if (!expr.HasAnd)
            return expr.Kind != ExprKind.Never;
        if (expr.Live is { } known)
            return known;
        ConstraintLimits.CheckStack();
        switch (expr.Kind)
        {
            case ExprKind.Seq:
                expr.Live = IsLive(expr.First!) && IsLive(expr.Rest!);
                break;
            case ExprKind.Alt:
                expr.Live = Array.Exists(expr.Parts, IsLive);
                break;
            case ExprKind.Repeat:
                expr.Live = expr.Min == 0 || IsLive(expr.First!);
                break;
            default:
                expr.Live = Search(expr);
                break;
        }
        return expr.Live.Value;
    }

    // Depth first over the derivatives, until one matches the empty text.
    private bool Search(Expr start)
    {
        _visited.Clear();
        _open.Clear();
        _visited.Add(start);
        _open.Push(start);
        while (_open.TryPop(out var expr))
        {
            if (expr.Live == true || pool.IsNullable(expr))
                return true;
            if (_visited.Count > ConstraintLimits.SearchStates)
                throw ConstraintException.Limit("intersection", $"More than {ConstraintLimits.SearchStates} states were searched for a text that matches all of it.");
            for (var left = ByteSet.All; left.First >= 0;)
            {
                var same = ByteSet.All;
                var next = Derive(expr, (byte)left.First, ref same);
                left &= ~same;
                if (next != pool.Never && next.Live != false && _visited.Add(next))
                    _open.Push(next);
            }
        }
        foreach (var expr in _visited)
            expr.Live = false;
        return false;
    }
}
