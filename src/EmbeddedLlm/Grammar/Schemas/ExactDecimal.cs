using System.Globalization;
using System.Numerics;

namespace EmbeddedLlm.Grammar.Schemas;

/// <summary>A decimal number without rounding, as the digits before and after the point.</summary>
/// <param name="IsNegative">Whether it is below zero.</param>
/// <param name="Whole">The digits before the point: no leading zeros, but one where there are no others.</param>
/// <param name="Fraction">The digits after the point, without trailing zeros.</param>
internal readonly record struct ExactDecimal(bool IsNegative, string Whole, string Fraction)
{
    private const int MaxExponent = 400;

    public bool IsZero => Whole == "0" && Fraction.Length == 0;

    public bool IsInteger => Fraction.Length == 0;

    public ExactDecimal Magnitude => this with { IsNegative = false };

    /// <summary>The digits as one integer, to be divided by ten to the power of the length of <see cref="Fraction"/>.</summary>
    public BigInteger Digits => BigInteger.Parse(Whole + Fraction, CultureInfo.InvariantCulture);

    /// <summary>Reads a JSON number.</summary>
    /// <returns>Null where the exponent is too large to write the digits out.</returns>
    public static ExactDecimal? Parse(string json)
    {
        var text = json.AsSpan();
        var isNegative = text[0] == '-';
        text = isNegative ? text[1..] : text;
        var exponent = 0;
        var e = text.IndexOfAny('e', 'E');
        if (e >= 0)
        {
            if (!int.TryParse(text[(e + 1)..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out exponent) || Math.Abs(exponent) > MaxExponent)
                return null;
            text = text[..e];
        }
        var point = text.IndexOf('.');
        var whole = (point < 0 ? text : text[..point]).ToString();
        var fraction = point < 0 ? "" : text[(point + 1)..].ToString();
        if (whole.Length + fraction.Length > 2 * MaxExponent)
            return null;
        if (exponent > 0)
        {
            fraction = fraction.PadRight(exponent, '0');
            (whole, fraction) = (whole + fraction[..exponent], fraction[exponent..]);
        }
        else if (exponent < 0)
        {
            whole = whole.PadLeft(-exponent, '0');
            (whole, fraction) = (whole[..^-exponent], whole[^-exponent..] + fraction);
        }
        whole = whole.TrimStart('0');
        fraction = fraction.TrimEnd('0');
        whole = whole.Length == 0 ? "0" : whole;
        return new ExactDecimal(isNegative && (whole != "0" || fraction.Length > 0), whole, fraction);
    }

    public override string ToString() => (IsNegative ? "-" : "") + Whole + (Fraction.Length > 0 ? "." + Fraction : "");
}
