using System.Numerics;
using EmbeddedLlm.Grammar.Automata;

namespace EmbeddedLlm.Grammar.Schemas;

/// <summary>The digits of a multiple of <c>Divisor / 10^Places</c>, by the remainder of those that came.</summary>
/// <param name="Divisor">The divisor's digits as an integer.</param>
/// <param name="Places">The divisor's digits after the point.</param>
/// <param name="Remainder">What came so far, modulo the divisor.</param>
/// <param name="Fraction">Digits that came after the point, at most <paramref name="Places"/>; -2 before the first digit, -1 before the point.</param>
/// <param name="MayEnd">Whether a digit came after the point, if the point came.</param>
internal sealed record MultipleForm(int Divisor, int Places, int Remainder = 0, int Fraction = -2, bool MayEnd = false) : Form
{
    public override bool IsNullable => MayEnd && Missing(Remainder, Math.Max(0, Fraction)) == 0;

    public override bool IsProductive => true;

    public override Expr Expand(ExprPool pool)
    {
        var branches = new List<Expr>();
        for (var digit = 0; digit <= 9; digit++)
        {
            if (Next(digit) is { } next)
                branches.Add(pool.Seq(pool.Bytes(ByteSet.Of((byte)('0' + digit))), pool.FormOf(next)));
        }
        if (Fraction == -1 && MayEnd)
            branches.Add(pool.Seq(pool.Literal("."u8), pool.FormOf(this with { Fraction = 0, MayEnd = false })));
        var rest = pool.Alt([.. branches]);
        return IsNullable ? pool.Optional(rest) : rest;
    }

    private MultipleForm? Next(int digit)
    {
        if (Fraction == Places)
            return digit == 0 ? this with { MayEnd = true } : null;
        var next = this with
        {
            Remainder = (int)(((long)Remainder * 10 + digit) % Divisor),
            Fraction = Fraction < 0 ? -1 : Fraction + 1,
            MayEnd = true,
        };
        // After the point few digits are left to make up what is missing.
        return next.Fraction < 0 || Missing(next.Remainder, next.Fraction) < BigInteger.Pow(10, Places - next.Fraction) ? next : null;
    }

    private BigInteger Missing(int remainder, int fraction)
    {
        var scaled = BigInteger.Pow(10, Places - fraction) * remainder % Divisor;
        return scaled.IsZero ? scaled : Divisor - scaled;
    }
}
