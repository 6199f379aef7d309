using System.Text;
using EmbeddedLlm.Grammar.Automata;

namespace EmbeddedLlm.Grammar.Schemas;

/// <summary>
/// Numbers as JSON writes them. Where a schema says something about a number it is written without an exponent; sets of such numbers
/// hold every spelling of a value (1, 1.0, 1.00) or none.
/// </summary>
internal sealed class JsonNumbers
{
    // Larger divisors make automata that are too large to search.
    private const int MaxDivisor = 100_000;

    private readonly ExprPool _pool;
    private readonly Expr _digit;
    private readonly Expr _nonZero;
    private readonly Expr _digits;
    private readonly Expr _someDigits;
    private readonly Expr _zeros;
    private readonly Expr _minus;
    private readonly Expr _point;
    private readonly Expr _whole;
    private readonly Expr _magnitude;
    private readonly Expr _anyFraction;

    public JsonNumbers(ExprPool pool)
    {
        _pool = pool;
        _digit = Digits('0', '9');
        _nonZero = Digits('1', '9');
        _digits = pool.Repeat(_digit, 0, -1);
        _someDigits = pool.Repeat(_digit, 1, -1);
        _zeros = pool.Repeat(Digits('0', '0'), 0, -1);
        _minus = pool.Literal("-"u8);
        _point = pool.Literal("."u8);
        _whole = pool.Alt(pool.Literal("0"u8), pool.Seq(_nonZero, _digits));
        _anyFraction = pool.Optional(pool.Seq(_point, _someDigits));
        _magnitude = pool.Seq(_whole, _anyFraction);
        var sign = pool.Bytes(ByteSet.Of((byte)'+') | ByteSet.Of((byte)'-'));
        var exponent = pool.Seq(pool.Bytes(ByteSet.Of((byte)'e') | ByteSet.Of((byte)'E')), pool.Optional(sign), _someDigits);
        Free = pool.Seq(pool.Optional(_minus), _magnitude, pool.Optional(exponent));
        Plain = pool.Alt(_magnitude, pool.Seq(_minus, NotBelow(new ExactDecimal(false, "0", ""), isStrict: true)));
        WholeOnly = pool.Alt(pool.Literal("0"u8), pool.Seq(pool.Optional(_minus), _nonZero, _digits));
        Integers = pool.Seq(WholeOnly, ZeroFraction);
    }

    /// <summary>Every number in every spelling.</summary>
    public Expr Free { get; }

    /// <summary>Every number, without exponent.</summary>
    public Expr Plain { get; }

    /// <summary>Whole numbers, with or without a fraction of zeros.</summary>
    public Expr Integers { get; }

    /// <summary>Whole numbers without a fraction.</summary>
    public Expr WholeOnly { get; }

    private Expr ZeroFraction => _pool.Optional(_pool.Seq(_point, _pool.Literal("0"u8), _zeros));

    public Expr Exactly(ExactDecimal value) =>
        _pool.Seq(_pool.Literal(Encoding.ASCII.GetBytes(value.ToString())), value.IsInteger ? ZeroFraction : _zeros);

    public Expr AtLeast(ExactDecimal bound, bool isStrict)
    {
        if (!bound.IsNegative)
            return NotBelow(bound, isStrict);
        return _pool.Alt(_magnitude, _pool.Seq(_minus, NotAbove(bound.Magnitude, isStrict)));
    }

    public Expr AtMost(ExactDecimal bound, bool isStrict)
    {
        if (bound.IsNegative)
            return _pool.Seq(_minus, NotBelow(bound.Magnitude, isStrict));
        var negative = _pool.Seq(_minus, NotBelow(new ExactDecimal(false, "0", ""), isStrict: true));
        return _pool.Alt(negative, bound.IsZero && isStrict ? _pool.Never : NotAbove(bound, isStrict));
    }

    /// <summary>Multiples of a number; null where it has too many digits.</summary>
    public Expr? MultipleOf(ExactDecimal divisor) =>
        divisor.Digits > MaxDivisor
            ? null
            : _pool.And(Plain, _pool.Seq(_pool.Optional(_minus), _pool.FormOf(new MultipleForm((int)divisor.Digits, divisor.Fraction.Length))));

    // Magnitudes from a bound on: longer, or of the same length and larger at the first digit that differs.
    private Expr NotBelow(ExactDecimal bound, bool isStrict)
    {
        var length = bound.Whole.Length;
        var fraction = bound.Fraction.Length == 0
            ? isStrict ? _pool.Seq(_point, _digits, _nonZero, _digits) : _anyFraction
            : _pool.Seq(_point, Larger(bound.Fraction, isStrict ? _pool.Seq(_digits, _nonZero, _digits) : _digits, _ => _digits));
        var same = Larger(bound.Whole, fraction, left => _pool.Seq(_pool.Repeat(_digit, left, left), _anyFraction));
        return _pool.Alt(same, _pool.Seq(_nonZero, _pool.Repeat(_digit, length, -1), _anyFraction));
    }

    private Expr NotAbove(ExactDecimal bound, bool isStrict)
    {
        var length = bound.Whole.Length;
        var equal = isStrict ? _pool.Never : _zeros;
        var fraction = bound.Fraction.Length == 0
            ? isStrict ? _pool.Never : ZeroFraction
            : _pool.Optional(_pool.Seq(_point, Smaller(bound.Fraction, equal, _ => _digits, mayEnd: true)));
        var same = Smaller(bound.Whole, fraction, left => _pool.Seq(_pool.Repeat(_digit, left, left), _anyFraction), mayEnd: false);
        var shorter = length == 1 ? _pool.Never : _pool.Alt(_pool.Seq(_nonZero, _pool.Repeat(_digit, 0, length - 2)), _pool.Literal("0"u8));
        return _pool.Alt(same, _pool.Seq(shorter, _anyFraction));
    }

    private Expr Larger(string digits, Expr equal, Func<int, Expr> rest)
    {
        var result = equal;
        for (var i = digits.Length - 1; i >= 0; i--)
            result = _pool.Alt(_pool.Seq(Digits((char)(digits[i] + 1), '9'), rest(digits.Length - i - 1)), _pool.Seq(Digits(digits[i], digits[i]), result));
        return result;
    }

    private Expr Smaller(string digits, Expr equal, Func<int, Expr> rest, bool mayEnd)
    {
        var result = equal;
        for (var i = digits.Length - 1; i >= 0; i--)
        {
            // The first of several digits before the point is no zero; after the point a number that ends sooner is smaller.
            var low = i == 0 && digits.Length > 1 && !mayEnd ? '1' : '0';
            result = _pool.Alt(_pool.Seq(Digits(low, (char)(digits[i] - 1)), rest(digits.Length - i - 1)), _pool.Seq(Digits(digits[i], digits[i]), result));
            if (mayEnd && i > 0)
                result = _pool.Optional(result);
        }
        return result;
    }

    private Expr Digits(char low, char high) => low > high ? _pool.Never : _pool.Bytes(ByteSet.Range(low, high));
}
