using System.Globalization;
using System.Numerics;

namespace EmbeddedLlm.Chat.Templates;

/// <summary>Python numbers: int without bounds, float, and bool as 0 or 1.</summary>
internal static class JinjaNumbers
{
    // Python refuses longer integers in text, for the time that the conversion takes.
    private const int MaxIntegerDigits = 4300;

    public static bool IsNumber(object? value) => value is long or double or bool or BigInteger;

    public static bool TryInteger(object? value, out BigInteger integer)
    {
        integer = value switch { long small => small, BigInteger big => big, bool flag => flag ? 1 : 0, _ => default };
        return value is long or BigInteger or bool;
    }

    public static double ToDouble(object? value) => value switch
    {
        long integer => integer,
        double number => number,
        bool flag => flag ? 1 : 0,
        BigInteger integer => Nearest(integer),
        _ => throw new JinjaException($"A {JinjaText.TypeName(value)} is not a number."),
    };

    // .NET's own conversion cuts off what a double cannot hold, Python's rounds.
    private static double Nearest(BigInteger value) =>
        value.GetBitLength() <= 1024 && double.Parse(value.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture) is var number && double.IsFinite(number)
            ? number
            : throw new JinjaException("The integer is too large for a float.");

    /// <summary>Sign of left − right; null where one is NaN.</summary>
    public static int? Compare(object? left, object? right)
    {
        if (TryInteger(left, out var a) && TryInteger(right, out var b))
            return a.CompareTo(b);
        if (left is double x && right is double y)
            return double.IsNaN(x) || double.IsNaN(y) ? null : x.CompareTo(y);
        if (right is double)
            return -Compare(right, left);
        // A float against an integer, exactly: by the whole part first, by the fraction where that is equal.
        var number = (double)left!;
        if (double.IsNaN(number))
            return null;
        if (double.IsInfinity(number))
            return Math.Sign(number);
        TryInteger(right, out var whole);
        var floor = Math.Floor(number);
        var order = new BigInteger(floor).CompareTo(whole);
        return order == 0 && number > floor ? 1 : order;
    }

    public static object Compute(JinjaBudget budget, string op, object left, object right)
    {
        if (left is long a && right is long b)
        {
            long small = 0;
            var fits = op switch
            {
                "+" => !OverflowsAdd(a, b, out small),
                "-" => b != long.MinValue && !OverflowsAdd(a, -b, out small),
                "*" => Math.BigMul(a, b, out small) is var high && (high == 0 && small >= 0 || high == -1 && small < 0),
                _ => false,
            };
            if (fits)
                return small;
        }
        if (op != "/" && TryInteger(left, out var x) && TryInteger(right, out var y))
            return Integers(budget, op, x, y);
        if (op == "/" && TryInteger(left, out x) && TryInteger(right, out y) && !y.IsZero && (x.GetBitLength() > 53 || y.GetBitLength() > 53))
            return Quotient(x, y);
        var (p, q) = (ToDouble(left), ToDouble(right));
        return op switch
        {
            "+" => p + q,
            "-" => p - q,
            "*" => p * q,
            "**" => Power(p, q),
            _ when q == 0 => throw new JinjaException("Division by zero."),
            "/" => p / q,
            "//" => FloorDivide(p, q),
            _ => Modulo(p, q),
        };
    }

    /// <summary>An integer in its one form: <see cref="long"/> where it fits, else <see cref="BigInteger"/>.</summary>
    public static object OneForm(BigInteger value)
    {
        if (value >= long.MinValue && value <= long.MaxValue)
            return (long)value;
        return value;
    }

    private static bool OverflowsAdd(long a, long b, out long sum)
    {
        sum = unchecked(a + b);
        return ((a ^ sum) & (b ^ sum)) < 0;
    }

    private static object Integers(JinjaBudget budget, string op, BigInteger x, BigInteger y)
    {
        switch (op)
        {
            case "+":
                return budget.Integer(x + y);
            case "-":
                return budget.Integer(x - y);
            case "*":
                budget.CheckBits(x.GetBitLength() + y.GetBitLength());
                return budget.Integer(x * y);
            case "**" when y.Sign < 0:
                return x.IsZero ? throw new JinjaException("Zero cannot be raised to a negative power.") : Power(Nearest(x), Nearest(y));
            case "**":
                if (BigInteger.Abs(x) <= 1)
                    return budget.Integer(x.Sign >= 0 || !y.IsEven ? (y.IsZero ? 1 : x) : 1);
                budget.CheckBits((double)y * BigInteger.Log(BigInteger.Abs(x), 2));
                return budget.Integer(BigInteger.Pow(x, (int)y));
            default:
                if (y.IsZero)
                    throw new JinjaException("Integer division or modulo by zero.");
                // Python rounds the quotient down, so the remainder takes the sign of the divisor.
                var quotient = BigInteger.DivRem(x, y, out var remainder);
                var isBelow = !remainder.IsZero && remainder.Sign != y.Sign;
                return budget.Integer(op == "//" ? (isBelow ? quotient - 1 : quotient) : (isBelow ? remainder + y : remainder));
        }
    }

    /// <summary>The quotient of two large integers: scaled so that 64 bits are left, the last one sticky, then rounded once.</summary>
    private static double Quotient(BigInteger x, BigInteger y)
    {
        var shift = (int)(y.GetBitLength() - x.GetBitLength()) + 64;
        var scaled = shift >= 0 ? BigInteger.DivRem(x << shift, y, out var remainder) : BigInteger.DivRem(x, y << -shift, out remainder);
        if (!remainder.IsZero)
            scaled |= BigInteger.One;
        var result = Math.ScaleB(Nearest(scaled), -shift);
        return double.IsFinite(result) ? result : throw new JinjaException("The quotient is too large for a float.");
    }

    private static double Power(double x, double y)
    {
        if (x == 0 && y < 0)
            throw new JinjaException("Zero cannot be raised to a negative power.");
        if (x < 0 && double.IsFinite(x) && double.IsFinite(y) && y != Math.Floor(y))
            throw new JinjaException("A negative number to a fractional power is complex, which templates do not have.");
        var result = Math.Pow(x, y);
        return double.IsInfinity(result) && double.IsFinite(x) && double.IsFinite(y) ? throw new JinjaException("The power is too large for a float.") : result;
    }

    private static double Modulo(double x, double y)
    {
        var remainder = x % y;
        if (remainder == 0)
            return Math.CopySign(0, y);
        return (remainder < 0) == (y < 0) ? remainder : remainder + y;
    }

    private static double FloorDivide(double x, double y)
    {
        var quotient = (x - Modulo(x, y)) / y;
        if (quotient == 0)
            return Math.CopySign(0, x / y);
        var floor = Math.Floor(quotient);
        return quotient - floor > 0.5 ? floor + 1 : floor;
    }

    /// <summary>Python's <c>round</c>: to even where the exact binary value lies in the middle.</summary>
    public static double Round(double value, long digits)
    {
        if (!double.IsFinite(value) || digits > 323)
            return value;
        if (digits >= 0)
            return double.Parse(value.ToString($"F{digits}", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
        if (digits < -308)
            return Math.CopySign(0, value);
        // Doubled, so that a fraction can stand as a one behind the whole part.
        var whole = Math.Truncate(value);
        var twice = new BigInteger(whole) * 2 + (value == whole ? 0 : Math.Sign(value));
        return Math.CopySign(Nearest(RoundTo(twice, BigInteger.Pow(10, (int)-digits) * 2) / 2), value);
    }

    /// <summary>The multiple of <paramref name="unit"/> next to a value; from the middle to the even one.</summary>
    public static BigInteger RoundTo(BigInteger value, BigInteger unit)
    {
        var quotient = BigInteger.DivRem(value, unit, out var remainder);
        var twice = BigInteger.Abs(remainder) * 2;
        if (twice > unit || (twice == unit && !quotient.IsEven))
            quotient += value.Sign;
        return quotient * unit;
    }

    /// <summary>A float as Python prints it: the shortest digits that read back the same, a point always, exponents from 1e16 and below 1e-4.</summary>
    public static string Repr(double value)
    {
        if (double.IsNaN(value))
            return "nan";
        if (double.IsInfinity(value))
            return value > 0 ? "inf" : "-inf";
        // .NET finds the same digits, as d.dddE+x where it uses an exponent at all; only the layout differs.
        var shortest = value.ToString("R", CultureInfo.InvariantCulture);
        var parts = Math.Abs(value).ToString("R", CultureInfo.InvariantCulture).Split('E');
        var whole = parts[0].Split('.')[0];
        var digits = parts[0].Replace(".", "", StringComparison.Ordinal).TrimStart('0');
        var exponent = parts.Length > 1 ? int.Parse(parts[1], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture)
            : whole != "0" ? whole.Length - 1
            : digits.Length - (parts[0].Length - 1);
        var sign = double.IsNegative(value) ? "-" : "";
        if (value != 0 && exponent is < -4 or >= 16)
        {
            digits = digits.TrimEnd('0');
            return $"{sign}{digits[0]}{(digits.Length > 1 ? "." + digits[1..] : "")}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}";
        }
        if (parts.Length > 1)
            shortest = exponent < 0 ? $"{sign}0.{new string('0', -exponent - 1)}{digits}" : sign + digits.PadRight(exponent + 1, '0');
        return shortest.Contains('.', StringComparison.Ordinal) ? shortest : shortest + ".0";
    }

    public static string Text(BigInteger value) => value.GetBitLength() > MaxIntegerDigits * 3.33
        ? throw new JinjaException($"The integer has more than {MaxIntegerDigits} digits, too many to print.")
        : value.ToString(CultureInfo.InvariantCulture);

    /// <summary>Python's <c>int(text, base)</c>; base 0 reads the prefix. Null where it is not an integer.</summary>
    public static object? ParseInteger(string text, int radix)
    {
        var digits = JinjaText.Strip(text);
        var isNegative = digits.StartsWith('-');
        if (isNegative || digits.StartsWith('+'))
            digits = digits[1..];
        var prefix = digits.Length > 2 && digits[0] == '0' ? char.ToLowerInvariant(digits[1]) switch { 'x' => 16, 'o' => 8, 'b' => 2, _ => 0 } : 0;
        if (prefix > 0 && (radix == 0 || radix == prefix))
        {
            digits = digits[2] == '_' ? digits[3..] : digits[2..];
            radix = prefix;
        }
        else if (radix == 0)
        {
            radix = 10;
            if (digits.Length > 1 && digits[0] == '0' && digits.AsSpan().ContainsAnyExcept('0', '_'))
                return null;
        }
        if (digits.Length is 0 or > MaxIntegerDigits || digits[0] == '_' || digits[^1] == '_' || digits.Contains("__", StringComparison.Ordinal))
            return null;
        BigInteger value = 0;
        foreach (var c in digits)
        {
            if (c == '_')
                continue;
            var digit = char.IsAsciiLetter(c) ? char.ToLowerInvariant(c) - 'a' + 10 : char.IsDigit(c) ? (int)char.GetNumericValue(c) : 99;
            if (digit >= radix)
                return null;
            value = value * radix + digit;
        }
        return OneForm(isNegative ? -value : value);
    }

    /// <summary>Python's <c>float(text)</c>; null where it is not a number.</summary>
    public static double? ParseFloat(string text)
    {
        var number = JinjaText.Strip(text);
        switch (number.TrimStart('+', '-').ToLowerInvariant())
        {
            case "inf" or "infinity" when number.Length <= 9:
                return number[0] == '-' ? double.NegativeInfinity : double.PositiveInfinity;
            case "nan" when number.Length <= 4:
                return double.NaN;
        }
        for (var i = 0; i < number.Length; i++)
        {
            if (number[i] == '_' && (i == 0 || i == number.Length - 1 || !char.IsAsciiDigit(number[i - 1]) || !char.IsAsciiDigit(number[i + 1])))
                return null;
            if (!char.IsAsciiDigit(number[i]) && number[i] is not ('e' or 'E' or '+' or '-' or '.' or '_'))
                return null;
        }
        const NumberStyles Styles = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        return double.TryParse(number.Replace("_", "", StringComparison.Ordinal), Styles, CultureInfo.InvariantCulture, out var value) ? value : null;
    }
}
