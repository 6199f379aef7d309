using System.Globalization;
using System.Text;

namespace EmbeddedLlm.Chat.Syntax;

/// <summary>Reads values of a <see cref="LiteralStyle"/> and writes them as JSON. What a reading left behind when it failed is JSON as far as it goes.</summary>
internal sealed class LiteralReader(string text, LiteralStyle style)
{
    private const int MaxDepth = 64;

    /// <summary>Where the next character stands.</summary>
    public int Position { get; private set; }

    /// <summary>Whether the text is read to its end.</summary>
    public bool IsAtEnd => Position >= text.Length;

    /// <summary>The next character that is no blank; NUL at the end.</summary>
    public char Next
    {
        get
        {
            while (!IsAtEnd && char.IsWhiteSpace(text[Position]))
                Position++;
            return IsAtEnd ? '\0' : text[Position];
        }
    }

    /// <summary>Reads a character if it is next, blanks before it left out.</summary>
    public bool TryTake(char c)
    {
        if (Next != c)
            return false;
        Position++;
        return true;
    }

    /// <summary>Reads characters up to any of those given, which stays; null where none comes.</summary>
    public string? TakeUntil(params ReadOnlySpan<char> ends)
    {
        var length = text.AsSpan(Position).IndexOfAny(ends);
        if (length < 0)
            return null;
        var taken = text.Substring(Position, length);
        Position += length;
        return taken;
    }

    /// <summary>Reads a value. False where it is none, or is cut.</summary>
    public bool TryValue(StringBuilder json, int depth = 0) => Next switch
    {
        _ when depth > MaxDepth => false,
        '{' => TryObject(json, depth),
        '[' => TryList(json, ']', depth),
        '(' when style.IsPython => TryList(json, ')', depth),
        _ => Quote() is { } quote ? TryString(json, quote) : TryWord(json),
    };

    /// <summary>Reads a string and gives its text; null where it is none, or is cut.</summary>
    public string? TakeString()
    {
        var value = new StringBuilder();
        _ = Next;
        return Quote() is { } quote && TryCharacters(value, quote) ? value.ToString() : null;
    }

    /// <summary>Writes text as a JSON string, the closing quote left out.</summary>
    public static void WriteString(StringBuilder json, ReadOnlySpan<char> value)
    {
        json.Append('"');
        for (var i = 0; i < value.Length; i++)
        {
            var c = value[i];
            if (c is '"' or '\\')
                json.Append('\\').Append(c);
            else if (c < ' ')
                json.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            else if (!char.IsSurrogate(c))
                json.Append(c);
            else if (i + 1 < value.Length && char.IsSurrogatePair(c, value[i + 1]))
                json.Append(c).Append(value[++i]);
            else
                json.Append('\uFFFD');
        }
    }

    private string? Quote() => Array.Find(style.Quotes, quote => text.AsSpan(Position).StartsWith(quote));

    private bool TryObject(StringBuilder json, int depth)
    {
        Position++;
        json.Append('{');
        for (var isFirst = true; !TryTake('}'); isFirst = false)
        {
            if (!isFirst && !TryTake(','))
                return false;
            json.Append(isFirst ? "" : ", ");
            if (IsAtEnd || Next == '\0' || !TryKey(json) || !TryTake(':'))
                return false;
            json.Append(": ");
            if (!TryValue(json, depth + 1))
                return false;
        }

        json.Append('}');
        return true;
    }

    private bool TryKey(StringBuilder json)
    {
        if (Quote() is { } quote)
            return TryString(json, quote);
        if (!style.HasBareKeys || TakeUntil(':', ',', '{', '}', '[', ']') is not { } key)
            return false;
        WriteString(json, key.AsSpan().Trim());
        json.Append('"');
        return true;
    }

    private bool TryList(StringBuilder json, char close, int depth)
    {
        Position++;
        json.Append('[');
        for (var isFirst = true; !TryTake(close); isFirst = false)
        {
            if (!isFirst && !TryTake(','))
                return false;
            if (style.IsPython && !isFirst && TryTake(close))
                break; // (1,) is a tuple
            json.Append(isFirst ? "" : ", ");
            if (!TryValue(json, depth + 1))
                return false;
        }

        json.Append(']');
        return true;
    }

    private bool TryString(StringBuilder json, string quote)
    {
        var value = new StringBuilder();
        var isWhole = TryCharacters(value, quote);
        WriteString(json, value.ToString());
        if (isWhole)
            json.Append('"');
        return isWhole;
    }

    private bool TryCharacters(StringBuilder value, string quote)
    {
        Position += quote.Length;
        while (!IsAtEnd)
        {
            if (text.AsSpan(Position).StartsWith(quote))
            {
                Position += quote.Length;
                return true;
            }

            var c = text[Position++];
            if (c != '\\' || !style.HasEscapes)
                value.Append(c);
            else if (IsAtEnd || !TryEscape(value, text[Position++]))
                return false;
        }

        return false;
    }

    private bool TryEscape(StringBuilder value, char escape)
    {
        switch (escape)
        {
            case 'n' or 't' or 'r' or 'b' or 'f':
                value.Append("\n\t\r\b\f"["ntrbf".IndexOf(escape, StringComparison.Ordinal)]);
                return true;
            case 'u':
                return TryHex(value, 4);
            case 'x' when style.IsPython:
                return TryHex(value, 2);
            case '"' or '\'' or '\\' or '/':
                value.Append(escape);
                return true;
            default:
                value.Append('\\').Append(escape); // no escape, as in Python: models write regular expressions and paths like this
                return true;
        }
    }

    private bool TryHex(StringBuilder value, int digits)
    {
        if (Position + digits > text.Length || !ushort.TryParse(text.AsSpan(Position, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code))
            return false;
        Position += digits;
        value.Append((char)code);
        return true;
    }

    private bool TryWord(StringBuilder json)
    {
        var start = Position;
        while (!IsAtEnd && (char.IsAsciiLetterOrDigit(text[Position]) || text[Position] is '+' or '-' or '.'))
            Position++;
        var word = text.AsSpan(start, Position - start);
        var value = word switch
        {
            "true" or "false" or "null" => word,
            "True" when style.IsPython => "true",
            "False" when style.IsPython => "false",
            "None" when style.IsPython => "null",
            _ => word is [(>= '0' and <= '9') or '-', ..] ? word : [],
        };
        json.Append(value);
        return !IsAtEnd && value.Length > 0;
    }
}
