using System.Globalization;
using System.Numerics;
using System.Text;

namespace EmbeddedLlm.Chat.Templates;

/// <summary>Python's two ways to format: <c>"%5.2f" % value</c> and <c>"{:5.2f}".format(value)</c>.</summary>
internal static class JinjaFormat
{
    /// <summary><c>format % arguments</c>: a tuple gives the values in order, a dict by name, anything else is the one value.</summary>
    public static string Percent(JinjaInterpreter interpreter, string format, object? arguments, bool escapes = false)
    {
        var to = new JinjaTextBuilder(interpreter.Budget);
        var values = arguments is JinjaTuple tuple ? tuple.Items : [arguments];
        var used = 0;
        var i = 0;
        for (; i < format.Length; i++)
        {
            if (format[i] != '%')
            {
                to.Append(format[i]);
                continue;
            }
            object? named = JinjaBound.Missing;
            if (Peek(++i) == '(')
            {
                var close = format.IndexOf(')', i);
                if (arguments is not JinjaDict dict || close < 0)
                    throw new JinjaException("%(name) needs a dict on the right.");
                if (!dict.TryGet(format[(i + 1)..close], out named))
                    throw new JinjaException($"The dict has no key '{format[(i + 1)..close]}'.");
                (i, used) = (close + 1, values.Length);
            }
            var spec = new JinjaFormatSpec { Align = '>' };
            for (; Peek(i) is '-' or '+' or ' ' or '0' or '#'; i++)
            {
                spec = format[i] switch
                {
                    '-' => spec with { Align = '<', Fill = ' ' },
                    '0' => spec.Align == '<' ? spec : spec with { Fill = '0', Align = '=' },
                    '#' => spec with { IsAlternate = true },
                    '+' => spec with { Sign = '+' },
                    _ => spec.Sign == '+' ? spec : spec with { Sign = ' ' },
                };
            }
            var width = Number();
            spec = width < 0 ? spec with { Width = -width, Align = '<', Fill = ' ' } : spec with { Width = width };
            if (Peek(i) == '.')
            {
                i++;
                spec = spec with { Precision = Math.Max(0, Number()) };
            }
            while (Peek(i) is 'h' or 'l' or 'L')
                i++;
            spec = spec with { Type = Peek(i) };
            if (spec.Type == '%')
                to.Append('%');
            else
                Converted(spec, named == JinjaBound.Missing ? Next() : named);
        }
        // What could hold values by key, a list too, may be left unused.
        if (used < values.Length && arguments is not (JinjaDict or JinjaList or JinjaRange))
            throw new JinjaException("Not all values were used by the format.");
        return to.ToString();

        char Peek(int at) => at < format.Length ? format[at] : '\0';

        object? Next() => used < values.Length ? values[used++] : throw new JinjaException("The format needs more values.");

        int Number()
        {
            if (Peek(i) == '*')
            {
                i++;
                return Next() is long given and > -int.MaxValue and < int.MaxValue ? (int)given : throw new JinjaException("'*' in a format needs an integer.");
            }
            var start = i;
            while (char.IsAsciiDigit(Peek(i)))
                i++;
            return JinjaFormatSpec.Integer(format.AsSpan(start, i - start));
        }

        void Converted(JinjaFormatSpec spec, object? value)
        {
            switch (spec.Type)
            {
                case 's' or 'r' or 'a':
                    var text = spec.Type == 's' ? JinjaText.Str(interpreter.Budget, value) : JinjaText.Repr(interpreter.Budget, value);
                    text = spec.Precision is { } most ? text[..JinjaText.Offset(text, most)] : text;
                    Pad(to, escapes ? JinjaMarkup.Escape(to.Budget, value, text) : text, spec with { Fill = ' ', Align = spec.Align == '<' ? '<' : '>' });
                    return;
                case 'c':
                    Pad(to, Character(value), spec with { Fill = ' ', Align = spec.Align == '<' ? '<' : '>' });
                    return;
                case 'd' or 'i' or 'u' when value is double number && double.IsFinite(number):
                    Append(to, new BigInteger(number), spec with { Type = 'd' });
                    return;
                case 'd' or 'i' or 'u' or 'x' or 'X' or 'o' when JinjaNumbers.TryInteger(value, out var integer):
                    Append(to, integer, spec with { Type = spec.Type is 'i' or 'u' ? 'd' : spec.Type });
                    return;
                case 'e' or 'E' or 'f' or 'F' or 'g' or 'G' when JinjaNumbers.IsNumber(value):
                    Append(to, JinjaNumbers.ToDouble(value), spec with { Precision = spec.Precision ?? 6 });
                    return;
            }
            JinjaOperators.RefuseUndefined(value);
            throw new JinjaException($"The format '%{spec.Type}' does not take a {JinjaText.TypeName(value)}.");
        }
    }

    private static string Character(object? value)
    {
        if (JinjaText.TryString(value, out var text) && JinjaText.Length(text) == 1)
            return text;
        return value is long code and >= 0 and <= 0x10FFFF ? (code < 0x10000 ? ((char)code).ToString() : char.ConvertFromUtf32((int)code)) : throw new JinjaException("A character is one code point or its number.");
    }

    /// <summary><c>format.format(…)</c>.</summary>
    public static string Braces(JinjaInterpreter interpreter, string format, JinjaArguments arguments)
    {
        int automatic = 0, manual = 0;
        var to = new JinjaTextBuilder(interpreter.Budget);
        Expand(format, to, 2);
        return to.ToString();

        void Expand(string format, JinjaTextBuilder to, int levels)
        {
            if (levels < 0)
                throw new JinjaException("The fields of a format nest too deeply.");
            for (var i = 0; i < format.Length; i++)
            {
                if (format[i] is not ('{' or '}'))
                {
                    to.Append(format[i]);
                }
                else if (i + 1 < format.Length && format[i + 1] == format[i])
                {
                    to.Append(format[i++]);
                }
                else
                {
                    var end = format[i] == '{' ? End(format, i) : throw new JinjaException("A '}' in the format closes nothing.");
                    Field(format[(i + 1)..end], to, levels);
                    i = end;
                }
            }
        }

        static int End(string format, int start)
        {
            var open = 0;
            for (var i = start; i < format.Length; i++)
            {
                open += format[i] switch { '{' => 1, '}' => -1, _ => 0 };
                if (open == 0)
                    return i;
            }
            throw new JinjaException("A '{' in the format has no end.");
        }

        void Field(string field, JinjaTextBuilder to, int levels)
        {
            var nameEnd = field.AsSpan().IndexOfAny('!', ':') is var found and >= 0 ? found : field.Length;
            var value = Look(field[..nameEnd]);
            var rest = field[nameEnd..];
            if (rest.StartsWith('!'))
            {
                if (rest.Length < 2 || rest[1] is not ('s' or 'r' or 'a') || (rest.Length > 2 && rest[2] != ':'))
                    throw new JinjaException("Expected !s, !r or !a in the format.");
                value = rest[1] == 's' ? JinjaText.Str(interpreter.Budget, value) : JinjaText.Repr(interpreter.Budget, value);
                rest = rest[2..];
            }
            var spec = new JinjaTextBuilder(interpreter.Budget);
            Expand(rest.Length > 0 ? rest[1..] : "", spec, levels - 1);
            Value(to, value, spec.ToString());
        }

        object? Look(string field)
        {
            var end = field.AsSpan().IndexOfAny('.', '[') is var found and >= 0 ? found : field.Length;
            var first = field[..end];
            object? value;
            if (first.Length == 0 || char.IsAsciiDigit(first[0]))
            {
                var index = first.Length == 0 ? automatic++ : JinjaFormatSpec.Integer(first);
                manual += first.Length == 0 ? 0 : 1;
                if (automatic > 0 && manual > 0)
                    throw new JinjaException("The fields of a format are numbered either all or none.");
                value = index < arguments.Positional.Length ? arguments.Positional[index] : throw new JinjaException($"The format needs a value number {index}.");
            }
            else
            {
                interpreter.Budget.Spend(arguments.Named.Count / 4);
                var index = arguments.Named.ToList().FindIndex(n => n.Name == first);
                value = index >= 0 ? arguments.Named[index].Value : throw new JinjaException($"The format needs a value '{first}'.");
            }
            while (end < field.Length)
            {
                var isItem = field[end] == '[';
                var close = isItem ? field.IndexOf(']', end) : field.AsSpan(end + 1).IndexOfAny('.', '[') is var next and >= 0 ? end + 1 + next : field.Length;
                if (close < 0 || close == end + 1)
                    throw new JinjaException("A field name in the format is not complete.");
                var name = field[(end + 1)..close];
                value = !isItem ? interpreter.GetAttribute(value, name) : interpreter.GetItem(value, name.All(char.IsAsciiDigit) ? JinjaNumbers.ParseInteger(name, 10) : name);
                end = isItem ? close + 1 : close;
            }
            return value;
        }
    }

    private static void Value(JinjaTextBuilder to, object? value, string specification)
    {
        if (specification.Length == 0)
        {
            to.Append(JinjaText.Str(to.Budget, value));
            return;
        }
        var spec = JinjaFormatSpec.Parse(specification);
        if (JinjaText.TryString(value, out var text) && spec is { Type: '\0' or 's', Sign: '-', Grouping: '\0' })
            Pad(to, spec.Precision is { } most ? text[..JinjaText.Offset(text, most)] : text, spec.Align is '\0' or '=' ? spec with { Align = '<' } : spec);
        else if (JinjaNumbers.TryInteger(value, out var integer) && spec.Type is '\0' or 'd' or 'n' or 'b' or 'o' or 'x' or 'X')
            Append(to, integer, spec with { Type = spec.Type is '\0' or 'n' ? 'd' : spec.Type });
        else if (JinjaNumbers.IsNumber(value) && spec.Type is '\0' or 'e' or 'E' or 'f' or 'F' or 'g' or 'G' or 'n' or '%')
            Append(to, JinjaNumbers.ToDouble(value), spec.Type == '\0' ? spec : spec with { Precision = spec.Precision ?? 6, Type = spec.Type == 'n' ? 'g' : spec.Type });
        else if (spec.Type == 'c' && value is long)
            Pad(to, Character(value), spec);
        else
            throw new JinjaException($"The format '{specification}' does not suit a {JinjaText.TypeName(value)}.");
    }

    private static void Append(JinjaTextBuilder to, BigInteger value, JinjaFormatSpec spec)
    {
        var digits = spec.Type switch
        {
            'x' => Trimmed("x"),
            'X' => Trimmed("X"),
            'o' => Octal(),
            'b' => Trimmed("b"),
            _ => JinjaNumbers.Text(BigInteger.Abs(value)),
        };
        var prefix = spec.IsAlternate && spec.Type != 'd' ? "0" + spec.Type : "";
        to.Budget.SpendText(spec.Precision ?? 0);
        Append(to, value.Sign < 0, prefix, digits.PadLeft(spec.Precision ?? 0, '0'), "", spec);

        string Trimmed(string format) => BigInteger.Abs(value).ToString(format, CultureInfo.InvariantCulture).TrimStart('0') is { Length: > 0 } text ? text : "0";

        string Octal()
        {
            var bits = Trimmed("b");
            bits = bits.PadLeft((bits.Length + 2) / 3 * 3, '0');
            return string.Concat(bits.Chunk(3).Select(three => (char)('0' + (three[0] - '0') * 4 + (three[1] - '0') * 2 + (three[2] - '0'))));
        }
    }

    private static void Append(JinjaTextBuilder to, double value, JinjaFormatSpec spec)
    {
        to.Budget.SpendText((spec.Precision ?? 0) + 400L);
        var isNegative = value < 0 || (value == 0 && double.IsNegative(value));
        var body = double.IsFinite(value) ? Body(Math.Abs(value), spec) : JinjaNumbers.Repr(Math.Abs(value));
        body = char.IsAsciiLetterUpper(spec.Type) ? body.ToUpperInvariant() : body;
        var whole = body.AsSpan().IndexOfAnyExceptInRange('0', '9') is var end and >= 0 ? end : body.Length;
        Append(to, isNegative, "", body[..whole], body[whole..], spec);
    }

    /// <summary>The digits of a float that is not negative; .NET rounds exact halves to even here, as Python does.</summary>
    private static string Body(double value, JinjaFormatSpec spec)
    {
        var culture = CultureInfo.InvariantCulture;
        if (spec is { Type: '\0', Precision: null })
            return JinjaNumbers.Repr(value);
        var precision = spec.Precision ?? 6;
        switch (char.ToLowerInvariant(spec.Type))
        {
            case '%':
                return (value * 100).ToString($"F{precision}", culture) + "%";
            case 'f':
                return value.ToString($"F{precision}", culture) + (spec.IsAlternate && precision == 0 ? "." : "");
            case 'e':
                return Scientific(precision);
        }
        precision = Math.Max(1, precision);
        var rounded = value.ToString($"E{precision - 1}", culture);
        var exponent = int.Parse(rounded.AsSpan(rounded.IndexOf('E', StringComparison.Ordinal) + 1), NumberStyles.AllowLeadingSign, culture);
        var isFixed = exponent >= -4 && exponent < (spec.Type == '\0' ? precision - 1 : precision);
        var text = isFixed ? value.ToString($"F{precision - 1 - exponent}", culture) : Scientific(precision - 1);
        if (spec.IsAlternate)
            return text;
        var tail = text.IndexOf('e', StringComparison.Ordinal) is var mark and >= 0 ? text[mark..] : "";
        var head = text[..^tail.Length];
        head = head.Contains('.', StringComparison.Ordinal) ? head.TrimEnd('0').TrimEnd('.') : head;
        return head + (spec.Type == '\0' && isFixed && !head.Contains('.', StringComparison.Ordinal) ? ".0" : "") + tail;

        string Scientific(int digits)
        {
            var parts = value.ToString($"E{digits}", culture).Split('E');
            return $"{parts[0]}{(spec.IsAlternate && digits == 0 ? "." : "")}e{parts[1][0]}{parts[1][1..].TrimStart('0').PadLeft(2, '0')}";
        }
    }

    /// <summary>Sign, prefix, grouped digits and what follows them, brought to the width.</summary>
    private static void Append(JinjaTextBuilder to, bool isNegative, string prefix, string digits, string tail, JinjaFormatSpec spec)
    {
        var sign = (isNegative ? "-" : spec.Sign == '-' ? "" : spec.Sign.ToString()) + prefix;
        var group = spec.Type is 'b' or 'o' or 'x' or 'X' ? 4 : 3;
        if (spec.Grouping != '\0')
        {
            if (spec is { Fill: '0', Align: '=' })
            {
                to.Budget.SpendText(spec.Width);
                var room = spec.Width - sign.Length - tail.Length;
                digits = digits.PadLeft(Math.Max(0, (room * group + group) / (group + 1)), '0');
            }
            var grouped = new StringBuilder();
            for (var i = 0; i < digits.Length; i++)
                grouped.Append(i > 0 && (digits.Length - i) % group == 0 ? spec.Grouping.ToString() : "").Append(digits[i]);
            digits = grouped.ToString();
        }
        if (spec.Align == '=')
        {
            to.Append(sign);
            Pad(to, digits + tail, spec with { Align = '>', Width = spec.Width - sign.Length });
        }
        else
        {
            Pad(to, sign + digits + tail, spec.Align == '\0' ? spec with { Align = '>' } : spec);
        }
    }

    private static void Pad(JinjaTextBuilder to, string text, JinjaFormatSpec spec)
    {
        var missing = Math.Max(0, spec.Width - JinjaText.Length(text));
        var before = spec.Align switch { '<' => 0, '^' => missing / 2, _ => missing };
        to.Repeat(spec.Fill.ToString(), before).Append(text).Repeat(spec.Fill.ToString(), missing - before);
    }
}
