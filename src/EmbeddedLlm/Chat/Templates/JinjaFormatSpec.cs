using System.Globalization;

namespace EmbeddedLlm.Chat.Templates;

/// <summary>What stands behind the colon of a format field: fill, alignment, sign, width, precision, type. <c>\0</c> where not given.</summary>
internal readonly record struct JinjaFormatSpec()
{
    public char Fill { get; init; } = ' ';

    public char Align { get; init; }

    public char Sign { get; init; } = '-';

    public bool IsAlternate { get; init; }

    public int Width { get; init; }

    public char Grouping { get; init; }

    public int? Precision { get; init; }

    public char Type { get; init; }

    public static JinjaFormatSpec Parse(string text)
    {
        var spec = new JinjaFormatSpec();
        var i = 0;
        var hasFill = text.Length > 1 && IsAlign(text[1]);
        if (hasFill)
            (spec, i) = (spec with { Fill = text[0], Align = text[1] }, 2);
        else if (IsAlign(text[0]))
            (spec, i) = (spec with { Align = text[0] }, 1);
        if (Peek() is '+' or '-' or ' ')
            spec = spec with { Sign = text[i++] };
        if (Peek() == '#')
            (spec, i) = (spec with { IsAlternate = true }, i + 1);
        if (Peek() == '0')
        {
            i++;
            spec = spec with { Fill = hasFill ? spec.Fill : '0', Align = spec.Align == '\0' ? '=' : spec.Align };
        }
        spec = spec with { Width = Number() };
        if (Peek() is ',' or '_')
            spec = spec with { Grouping = text[i++] };
        if (Peek() == '.')
        {
            i++;
            spec = char.IsAsciiDigit(Peek()) ? spec with { Precision = Number() } : throw Wrong();
        }
        if (i < text.Length)
            spec = spec with { Type = text[i++] };
        return i == text.Length ? spec : throw Wrong();

        static bool IsAlign(char c) => c is '<' or '>' or '=' or '^';

        char Peek() => i < text.Length ? text[i] : '\0';

        int Number()
        {
            var start = i;
            while (char.IsAsciiDigit(Peek()))
                i++;
            return Integer(text.AsSpan(start, i - start));
        }

        JinjaException Wrong() => new($"'{text}' is not a format.");
    }

    /// <summary>A width, precision or index; zero for none.</summary>
    public static int Integer(ReadOnlySpan<char> digits) => digits.IsEmpty ? 0
        : int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value < 100_000_000 ? value
        : throw new JinjaException("A number in the format is too large.");
}
