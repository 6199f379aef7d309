using EmbeddedLlm.Grammar.Automata;
using EmbeddedLlm.Grammar.Text;

namespace EmbeddedLlm.Grammar.Masks;

/// <summary>Finds whether an expression takes every token of a slice, without looking at the tokens.</summary>
internal sealed class Coverage
{
    private const int SearchPairs = 256;

    private readonly ExprPool _pool;
    private readonly Derivatives _derivatives;
    private readonly Expr _character;
    private readonly Expr _text;

    public Coverage(ExprPool pool, Derivatives derivatives)
    {
        (_pool, _derivatives) = (pool, derivatives);
        var plain = CodePoints.Range(0x20, 0x7E).Union(CodePoints.Range(0x80, CodePoints.Max)).Except(CodePoints.Of('"', '\\'));
        _character = Utf8.Encode(pool, plain);
        _text = pool.Repeat(_character, 0, -1);
    }

    /// <summary>The number of slices that are covered: slices hold one another, so a number says which.</summary>
    public int Of(Expr expr) => expr.Coverage ??= Compute(expr);

    /// <summary>
    /// The characters that an expression takes of the last slice where it takes exactly those: any so many, then something that no token
    /// of the slice begins with. -1 for other expressions.
    /// </summary>
    public int ExactLength(Expr expr) =>
        expr is { Kind: ExprKind.Seq, First: { Kind: ExprKind.Repeat, Max: > 0 } repeat, Rest: { } rest }
        && (rest.Kind == ExprKind.Seq ? rest.First! : rest) is { Kind: ExprKind.Bytes } next && (next.Bytes & PlainBytes).IsEmpty
        && CoversCharacter(repeat.First!) && IsOneCharacter(repeat.First!)
            ? repeat.Max
            : -1;

    private static ByteSet PlainBytes { get; } =
        (ByteSet.Range(0x20, 0x7E) | ByteSet.Range(0x80, 0xFF)) & ~ByteSet.Of((byte)'"') & ~ByteSet.Of((byte)'\\');

    // Whether no text of the slice longer than one character matches.
    private bool IsOneCharacter(Expr body) =>
        body.IsOneCharacter ??= !_derivatives.IsLive(_pool.And(body, _pool.Seq(_character, _character, _text)));

    private int Compute(Expr expr)
    {
        switch (expr.Kind)
        {
            case ExprKind.Repeat when CoversCharacter(expr.First!):
                return expr.Max < 0 ? TokenTable.SliceLengths.Length : TokenTable.SliceLengths.Count(length => length > 0 && length <= expr.Max);
            case ExprKind.Seq when expr.First!.Kind is ExprKind.Repeat or ExprKind.Alt or ExprKind.And:
                return Of(expr.First);
            case ExprKind.Alt:
                var best = 0;
                foreach (var part in expr.Parts)
                    best = Math.Max(best, Of(part));
                return best;
            case ExprKind.And when IsCovered(_text, expr, SearchPairs):
                return TokenTable.SliceLengths.Length;
            default:
                return 0;
        }
    }

    private bool CoversCharacter(Expr body)
    {
        if (body.CoversCharacter is { } known)
            return known;
        var covers = false;
        if (!HasCalls(body))
        {
            var missing = _pool.And(_character, _pool.Not(body));
            covers = !_derivatives.IsLive(missing);
        }
        body.CoversCharacter = covers;
        return covers;
    }

    private static bool HasCalls(Expr expr) =>
        expr.Kind is ExprKind.Call or ExprKind.Tokens or ExprKind.Form
        || (expr.First is { } first && HasCalls(first)) || (expr.Rest is { } rest && HasCalls(rest)) || Array.Exists(expr.Parts, HasCalls);

    // Walks both side by side: wherever the slice may go, the expression must be able to follow.
    private bool IsCovered(Expr slice, Expr expr, int limit)
    {
        var seen = new HashSet<(Expr, Expr)> { (slice, expr) };
        var open = new Stack<(Expr, Expr)>(seen);
        while (open.TryPop(out var pair))
        {
            var (left, right) = pair;
            for (var bytes = ByteSet.All; bytes.First >= 0;)
            {
                var b = (byte)bytes.First;
                var same = ByteSet.All;
                var nextLeft = _derivatives.Derive(left, b, ref same);
                if (nextLeft == _pool.Never)
                {
                    bytes &= ~same;
                    continue;
                }
                var nextRight = _derivatives.Derive(right, b, ref same);
                bytes &= ~same;
                if (!_derivatives.IsLive(nextRight))
                    return false;
                // Between characters, what takes every character need not be followed.
                if (nextLeft == slice && nextRight.Kind != ExprKind.And && Of(nextRight) == TokenTable.SliceLengths.Length)
                    continue;
                if (seen.Add((nextLeft, nextRight)))
                    open.Push((nextLeft, nextRight));
                if (seen.Count > limit)
                    return false;
            }
        }
        return true;
    }
}
