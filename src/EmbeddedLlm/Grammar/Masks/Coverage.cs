using EmbeddedLlm.Grammar.Automata;
using EmbeddedLlm.Grammar.Text;

namespace EmbeddedLlm.Grammar.Masks;

/// <summary>Finds which slices a row takes as a whole, without looking at their tokens.</summary>
internal sealed class Coverage
{
    // Rows beside characters of a slice; a search that comes to more is given up.
    private const int SearchPairs = 512;

    private readonly ExprPool _pool;
    private readonly Automaton _automaton;
    private readonly Expr _character;
    private readonly Expr _text;
    private readonly (CodePoints Characters, Expr Text, int Enough)[] _alphabets;
    private readonly HashSet<(Expr, Row)> _seen = [];
    private Stack<(Expr, Row)> _open = new();
    private Stack<(Expr, Row)> _next = new();

    public Coverage(ExprPool pool, Automaton automaton)
    {
        (_pool, _automaton) = (pool, automaton);
        // From the largest to the smallest.
        _alphabets = [.. Slice.All.GroupBy(slice => slice.Characters).Reverse().Select(group => (group.Key, pool.Repeat(Utf8.Encode(pool, group.Key), 0, -1), group.Last().MaxLength))];
        _text = _alphabets[0].Text;
        _character = _text.First!;
    }

    /// <summary>The number of slices that are covered.</summary>
    public int Of(Row row)
    {
        var covered = OfItems(row);
        foreach (var (characters, text, enough) in _alphabets)
        {
            if (covered > 0)
                break;
            covered = Slice.CountUpTo(characters, Search(text, enough, row));
        }
        return covered;
    }

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
        body.IsOneCharacter ??= !_automaton.Derivatives.IsLive(_pool.And(body, _pool.Seq(_character, _character, _text)));

    // What is plain to see of the items, each by itself.
    private int OfItems(Row row)
    {
        var covered = 0;
        foreach (var item in _automaton.Close(row))
            covered = Math.Max(covered, OfExpr(item.Expr));
        return covered;
    }

    private int OfExpr(Expr expr) => expr.Coverage ??= Compute(expr);

    private int Compute(Expr expr)
    {
        switch (expr.Kind)
        {
            case ExprKind.Repeat when CoversCharacter(expr.First!):
                return Slice.CountUpTo(Slice.Plain, expr.Max);
            case ExprKind.Seq when expr.First!.Kind is ExprKind.Repeat or ExprKind.Alt or ExprKind.And:
                return OfExpr(expr.First);
            case ExprKind.Alt:
                var best = 0;
                foreach (var part in expr.Parts)
                    best = Math.Max(best, OfExpr(part));
                return best;
            // Free text but for some texts of limited length: every beginning can still become a longer one.
            case ExprKind.And when Array.TrueForAll(expr.Parts, part => part is { Kind: ExprKind.Not, First.IsEndless: false } || (part.Kind == ExprKind.Repeat && OfExpr(part) == Slice.All.Count)):
                return Array.FindAll(expr.Parts, part => part.Kind == ExprKind.Repeat).Length == 1 ? Slice.All.Count : 0;
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
            covers = !_automaton.Derivatives.IsLive(missing);
        }
        body.CoversCharacter = covers;
        return covers;
    }

    private static bool HasCalls(Expr expr) =>
        expr.Kind is ExprKind.Call or ExprKind.Tokens or ExprKind.Form
        || (expr.First is { } first && HasCalls(first)) || (expr.Rest is { } rest && HasCalls(rest)) || Array.Exists(expr.Parts, HasCalls);

    // Walks the texts of an alphabet and the rows side by side, one character at a time: the characters up to which every text may come,
    // -1 where that is every number. Stops where that is known to be enough.
    private int Search(Expr text, int enough, Row start)
    {
        _seen.Clear();
        _open.Clear();
        _next.Clear();
        _open.Push((text, start));
        for (var length = 0; _open.Count > 0 && length != enough; length++)
        {
            while (_open.TryPop(out var pair))
            {
                if (!TryFollow(pair.Item1, pair.Item2, text) || _seen.Count > SearchPairs)
                    return length;
            }
            (_open, _next) = (_next, _open);
        }
        return _open.Count > 0 ? enough : -1;
    }

    // Goes on by each byte; false where the row cannot.
    private bool TryFollow(Expr characters, Row row, Expr text)
    {
        for (var bytes = ByteSet.All; bytes.First >= 0;)
        {
            var b = (byte)bytes.First;
            var same = ByteSet.All;
            var left = _automaton.Derivatives.Derive(characters, b, ref same);
            if (left == _pool.Never)
            {
                bytes &= ~same;
                continue;
            }
            var next = _automaton.Step(row, b, ref same);
            bytes &= ~same;
            if (next.IsDead)
                return false;
            // Between characters, what takes every character need not be followed.
            var isBetween = left == text;
            if (_seen.Add((left, next)) && !(isBetween && OfItems(next) == Slice.All.Count))
                (isBetween ? _next : _open).Push((left, next));
        }
        return true;
    }
}
