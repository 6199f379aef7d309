using System.Text;

namespace EmbeddedLlm.Grammar.Text;

/// <summary>Reads a text character by character and says where it stands.</summary>
internal sealed class Scanner
{
    private readonly string _text;
    private readonly string _name;

    public Scanner(string text, string name)
    {
        if (text.Length > ConstraintLimits.TextLength)
            throw new ConstraintException(name, "length", $"At most {ConstraintLimits.TextLength} characters were expected, {text.Length} were found.", isLimit: true);
        (_text, _name) = (text, name);
    }

    public int Position { get; set; }

    public bool AtEnd => Position >= _text.Length;

    /// <summary>The character here, or zero at the end.</summary>
    public char Current => AtEnd ? '\0' : _text[Position];

    public char Peek(int ahead = 1) => Position + ahead < _text.Length ? _text[Position + ahead] : '\0';

    public bool StartsWith(string part) => string.CompareOrdinal(_text, Position, part, 0, part.Length) == 0;

    public bool TryTake(char c)
    {
        if (AtEnd || _text[Position] != c)
            return false;
        Position++;
        return true;
    }

    public bool TryTake(string part)
    {
        if (!StartsWith(part))
            return false;
        Position += part.Length;
        return true;
    }

    public void Expect(char c, string feature)
    {
        if (!TryTake(c))
            throw Wrong(feature, $"'{c}'");
    }

    /// <summary>Takes the characters that pass.</summary>
    public string TakeWhile(Func<char, bool> test)
    {
        var start = Position;
        while (!AtEnd && test(_text[Position]))
            Position++;
        return _text[start..Position];
    }

    /// <summary>Takes a code point.</summary>
    public int TakeCodePoint(string feature)
    {
        if (AtEnd)
            throw Wrong(feature, "a character");
        if (Rune.DecodeFromUtf16(_text.AsSpan(Position), out var rune, out var length) != System.Buffers.OperationStatus.Done)
            throw Wrong(feature, "a whole character");
        Position += length;
        return rune.Value;
    }

    /// <summary>Takes so many hexadecimal digits.</summary>
    public int TakeHex(int digits, string feature)
    {
        if (Position + digits > _text.Length || !int.TryParse(_text.AsSpan(Position, digits), System.Globalization.NumberStyles.AllowHexSpecifier, null, out var value) || value < 0)
            throw Wrong(feature, $"{digits} hexadecimal digits");
        Position += digits;
        return value;
    }

    /// <summary>Takes a decimal number.</summary>
    public int TakeNumber(string feature)
    {
        var start = Position;
        var digits = TakeWhile(char.IsAsciiDigit);
        if (digits.Length == 0)
            throw Wrong(feature, "a number");
        if (int.TryParse(digits, out var value) && value <= ConstraintLimits.Repetition)
            return value;
        Position = start;
        throw new ConstraintException(Where(), feature, $"At most {ConstraintLimits.Repetition} was expected, {digits} was found.", isLimit: true);
    }

    /// <summary>The numbers of <c>{m}</c>, <c>{m,}</c>, <c>{m,n}</c> and <c>{,n}</c>, after the bracket; -1 for no bound.</summary>
    public (int Min, int Max) TakeBounds(string feature)
    {
        var min = Current == ',' ? 0 : TakeNumber(feature);
        var max = min;
        if (TryTake(','))
            max = Current == '}' ? -1 : TakeNumber(feature);
        if (max >= 0 && max < min)
            throw Wrong(feature, $"a number not below {min}");
        Expect('}', feature);
        return (min, max);
    }

    public ConstraintException Wrong(string feature, string expected) =>
        new(Where(), feature, $"{expected} was expected, {Found()} was found.");

    private string Found() => AtEnd ? "the end" : $"'{_text[Position]}'";

    private string Where()
    {
        var before = _text.AsSpan(0, Math.Min(Position, _text.Length));
        return $"{_name} {before.Count('\n') + 1}:{before.Length - before.LastIndexOf('\n')}";
    }
}
