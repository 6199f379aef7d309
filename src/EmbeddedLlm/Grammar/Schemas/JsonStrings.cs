using System.Text;
using EmbeddedLlm.Grammar.Automata;
using EmbeddedLlm.Grammar.Text;

namespace EmbeddedLlm.Grammar.Schemas;

/// <summary>
/// Strings as JSON writes them, between the quotes. Where a schema says something about a string, it has one spelling: characters stand for
/// themselves but for those that must be escaped, which take the short escape if there is one. So spellings differ where strings do,
/// and what a schema forbids cannot come in by another spelling. Free strings may also use <c>\uXXXX</c>.
/// </summary>
internal sealed class JsonStrings
{
    private static readonly (char Character, char Escape)[] Escapes = [('"', '"'), ('\\', '\\'), ('\b', 'b'), ('\f', 'f'), ('\n', 'n'), ('\r', 'r'), ('\t', 't')];

    private static readonly CodePoints MustEscape = CodePoints.Range(0, 0x1F).Union(CodePoints.Of('"', '\\'));

    private readonly ExprPool _pool;

    public JsonStrings(ExprPool pool)
    {
        _pool = pool;
        Character = Encode(CodePoints.All);
        Any = pool.Repeat(Character, 0, -1);
        Free = pool.Repeat(pool.Alt(Character, pool.Literal("\\/"u8), UnicodeEscapes()), 0, -1);
    }

    /// <summary>One character.</summary>
    public Expr Character { get; }

    /// <summary>Every string, in its one spelling.</summary>
    public Expr Any { get; }

    /// <summary>Every string in every spelling.</summary>
    public Expr Free { get; }

    /// <summary>One character of a set.</summary>
    public Expr Encode(CodePoints set)
    {
        var parts = new List<Expr> { Utf8.Encode(_pool, set.Except(MustEscape)) };
        foreach (var (low, high) in set.Intersect(MustEscape).Ranges)
        {
            for (var value = low; value <= high; value++)
                parts.Add(_pool.Literal(Escaped((char)value)));
        }
        return _pool.Alt([.. parts]);
    }

    /// <summary>The spelling of a string.</summary>
    public static byte[] Spell(string text)
    {
        var bytes = new List<byte>(text.Length);
        Span<byte> utf8 = stackalloc byte[4];
        foreach (var rune in text.EnumerateRunes())
        {
            if (MustEscape.Contains(rune.Value))
            {
                bytes.AddRange(Escaped((char)rune.Value));
                continue;
            }
            bytes.AddRange(utf8[..rune.EncodeToUtf8(utf8)]);
        }
        return [.. bytes];
    }

    private static byte[] Escaped(char c)
    {
        foreach (var (character, escape) in Escapes)
        {
            if (character == c)
                return [(byte)'\\', (byte)escape];
        }
        return Encoding.ASCII.GetBytes($"\\u{(int)c:x4}");
    }

    // \uXXXX: every character by itself, but halves of surrogate pairs only together.
    private Expr UnicodeEscapes()
    {
        var hex = Class("0123456789abcdefABCDEF");
        var start = _pool.Literal("\\u"u8);
        var d = Class("dD");
        var plain = _pool.Alt(_pool.Seq(Class("0123456789abcefABCEF"), hex, hex, hex), _pool.Seq(d, Class("01234567"), hex, hex));
        var pair = _pool.Seq([d, Class("89abAB"), hex, hex, start, d, Class("cdefCDEF"), hex, hex]);
        return _pool.Seq(start, _pool.Alt(plain, pair));
    }

    private Expr Class(string characters)
    {
        var set = default(ByteSet);
        foreach (var c in characters)
            set |= ByteSet.Of((byte)c);
        return _pool.Bytes(set);
    }
}
