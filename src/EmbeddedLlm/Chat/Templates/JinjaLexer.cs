using System.Globalization;
using System.Numerics;
using System.Text;

namespace EmbeddedLlm.Chat.Templates;

internal enum JinjaTokenKind { Data, BlockBegin, BlockEnd, PrintBegin, PrintEnd, Name, Text, Integer, Float, Operator, End }

/// <summary>One token: <see cref="Text"/> as it stands (or what a string literal means), <see cref="Value"/> of a number.</summary>
internal readonly record struct JinjaToken(JinjaTokenKind Kind, string Text, object? Value, JinjaPosition At);

/// <summary>
/// Template source to tokens, under <c>trim_blocks</c> and <c>lstrip_blocks</c> as Hugging Face sets them: a tag that is not an
/// expression swallows the newline after it and the blanks before it on its line; <c>-</c> swallows all whitespace, <c>+</c> none.
/// </summary>
internal sealed class JinjaLexer
{
    private readonly string _source;
    private readonly List<JinjaToken> _tokens = [];
    private readonly Stack<char> _open = new();
    private int _at;
    private int _line = 1;
    private int _lineStart;
    private int _counted;
    private bool _lineStarting = true;

    private JinjaLexer(string source) => _source = source;

    /// <summary>The tokens of a template, an <see cref="JinjaTokenKind.End"/> last. One newline at the very end is dropped.</summary>
    public static List<JinjaToken> Tokenize(string source)
    {
        source = source.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
        var lexer = new JinjaLexer(source.EndsWith('\n') ? source[..^1] : source);
        lexer.Run();
        return lexer._tokens;
    }

    private void Run()
    {
        while (NextTag() is var tag and >= 0)
        {
            var isRaw = _source[tag + 1] == '%' && TagIs(tag, "raw", out _);
            var sign = tag + 2 < _source.Length && _source[tag + 2] is '-' or '+' ? _source[tag + 2] : ' ';
            AddData(tag, sign, mayStripLine: _source[tag + 1] != '{');
            var place = Place(tag);
            _at = tag + (sign == ' ' ? 2 : 3);
            if (isRaw)
                Raw(tag, place);
            else if (_source[tag + 1] == '#')
                Comment(place);
            else
                Inside(_source[tag + 1] == '%', place);
        }
        AddData(_source.Length, '+', mayStripLine: false);
        Add(JinjaTokenKind.End, "", _source.Length);
    }

    private int NextTag()
    {
        for (var i = _at; (i = _source.IndexOf('{', i)) >= 0 && i + 1 < _source.Length; i++)
        {
            if (_source[i + 1] is '%' or '{' or '#')
                return i;
        }
        return -1;
    }

    /// <summary>Template text up to a tag, without what the tag swallows on its left.</summary>
    private void AddData(int end, char sign, bool mayStripLine)
    {
        var start = _at;
        var keep = end;
        while (keep > start && JinjaText.IsSpace(_source[keep - 1]) && (sign == '-' || _source[keep - 1] != '\n'))
            keep--;
        var stripsLine = mayStripLine && sign == ' ' && (keep == start ? _lineStarting : _source[keep - 1] == '\n');
        if (sign != '-' && !stripsLine)
            keep = end;
        if (keep > start)
            Add(JinjaTokenKind.Data, _source[start..keep], start);
        _lineStarting = false;
    }

    /// <summary>Whether the tag here is <c>{% name %}</c>, and where it ends; a plain <c>%}</c> swallows no newline here.</summary>
    private bool TagIs(int tag, string name, out int end)
    {
        var i = tag + 2;
        if (i < _source.Length && _source[i] is '-' or '+')
            i++;
        i = SkipSpace(i);
        end = 0;
        if (string.CompareOrdinal(_source, i, name, 0, name.Length) != 0)
            return false;
        i = SkipSpace(i + name.Length);
        if (string.CompareOrdinal(_source, i, "-%}", 0, 3) == 0)
            end = SkipSpace(i + 3);
        else if (string.CompareOrdinal(_source, i, "%}", 0, 2) == 0)
            end = i + 2;
        else if (name == "endraw" && string.CompareOrdinal(_source, i, "+%}", 0, 3) == 0)
            end = i + 3;
        return end > 0;
    }

    private void Raw(int tag, JinjaPosition place)
    {
        TagIs(tag, "raw", out _at);
        _lineStarting = _source[_at - 1] == '\n';
        for (var i = _at; (i = _source.IndexOf("{%", i, StringComparison.Ordinal)) >= 0; i++)
        {
            if (!TagIs(i, "endraw", out var end))
                continue;
            AddData(i, _source[i + 2] is '-' or '+' ? _source[i + 2] : ' ', mayStripLine: true);
            if (_source[end - 1] == '}' && _source[end - 3] != '+' && _source[end - 3] != '-' && end < _source.Length && _source[end] == '\n')
                end++;
            _at = end;
            _lineStarting = _source[end - 1] == '\n';
            return;
        }
        // As in Jinja, it is no error where nothing follows.
        if (_at < _source.Length)
            throw new JinjaException("The raw block has no end.", place);
    }

    private void Comment(JinjaPosition place)
    {
        var end = _source.IndexOf("#}", _at, StringComparison.Ordinal);
        if (end < 0 && _at == _source.Length)
            return;
        if (end < 0)
            throw new JinjaException("The comment has no end.", place);
        FinishTag(end + 2, end > _at ? _source[end - 1] : ' ');
    }

    /// <summary>Steps behind a closing tag and over what it swallows on its right.</summary>
    private void FinishTag(int end, char sign)
    {
        if (sign == '-')
            end = SkipSpace(end);
        else if (sign != '+' && end < _source.Length && _source[end] == '\n')
            end++;
        _at = end;
        _lineStarting = _source[end - 1] == '\n';
    }

    private void Inside(bool isBlock, JinjaPosition place)
    {
        _tokens.Add(new(isBlock ? JinjaTokenKind.BlockBegin : JinjaTokenKind.PrintBegin, "", null, place));
        var close = isBlock ? "%}" : "}}";
        _open.Clear();
        while (true)
        {
            _at = SkipSpace(_at);
            if (_at >= _source.Length)
                throw new JinjaException($"The tag has no end, '{close}' is missing.", place);
            var sign = _source[_at] == '-' || (isBlock && _source[_at] == '+') ? _source[_at] : ' ';
            var end = sign == ' ' ? _at : _at + 1;
            if (_open.Count == 0 && string.CompareOrdinal(_source, end, close, 0, 2) == 0)
            {
                Add(isBlock ? JinjaTokenKind.BlockEnd : JinjaTokenKind.PrintEnd, close, _at);
                // The newline after an expression stays.
                FinishTag(end + 2, !isBlock && sign == ' ' ? '+' : sign);
                return;
            }
            Token();
        }
    }

    private void Token()
    {
        var c = _source[_at];
        if (char.IsAsciiDigit(c))
            Number();
        else if (JinjaText.IsWord(c))
            Name();
        else if (c is '\'' or '"')
            Literal(c);
        else
            Operator();
    }

    private void Number()
    {
        var start = _at;
        var digits = Digits(start);
        if (start == 0 || _source[start - 1] != '.')
        {
            var end = digits;
            if (Peek(end) == '.' && char.IsAsciiDigit(Peek(end + 1)))
                end = Digits(end + 1);
            if (Peek(end) is 'e' or 'E' && char.IsAsciiDigit(Peek(Peek(end + 1) is '+' or '-' ? end + 2 : end + 1)))
                end = Digits(Peek(end + 1) is '+' or '-' ? end + 2 : end + 1);
            if (end > digits)
            {
                _at = end;
                var text = _source[start..end];
                Add(JinjaTokenKind.Float, text, start, double.Parse(text.Replace("_", "", StringComparison.Ordinal), NumberStyles.Float, CultureInfo.InvariantCulture));
                return;
            }
        }
        if (_source[start] == '0')
        {
            var radix = char.ToLowerInvariant(Peek(start + 1)) switch { 'b' => 2, 'o' => 8, 'x' => 16, _ => 0 };
            digits = start + 1;
            if (radix > 0 && IsDigitOf(Peek(Peek(start + 2) == '_' ? start + 3 : start + 2), radix))
            {
                for (digits = start + 2; IsDigitOf(Peek(Peek(digits) == '_' ? digits + 1 : digits), radix);)
                    digits += Peek(digits) == '_' ? 2 : 1;
            }
            else
            {
                while (Peek(Peek(digits) == '_' ? digits + 1 : digits) == '0')
                    digits += Peek(digits) == '_' ? 2 : 1;
            }
        }
        _at = digits;
        var number = _source[start..digits];
        Add(JinjaTokenKind.Integer, number, start, JinjaNumbers.ParseInteger(number, 0) ?? throw new JinjaException("The integer is too long.", Place(start)));
    }

    private static bool IsDigitOf(char c, int radix) => char.IsAsciiHexDigit(c) && Convert.ToInt32(c.ToString(), 16) < radix;

    private int Digits(int i)
    {
        while (char.IsAsciiDigit(Peek(i)) || (Peek(i) == '_' && char.IsAsciiDigit(Peek(i + 1))))
            i++;
        return i;
    }

    private void Name()
    {
        var start = _at;
        while (_at < _source.Length && JinjaText.IsWord(_source[_at]))
            _at++;
        Add(JinjaTokenKind.Name, _source[start.._at], start);
    }

    private void Literal(char quote)
    {
        var start = _at++;
        var text = new StringBuilder();
        while (Peek(_at) != quote)
        {
            if (_at >= _source.Length)
                throw new JinjaException("The string has no end.", Place(start));
            if (_source[_at] == '\\' && _at + 1 < _source.Length)
                Escape(text);
            else
                text.Append(_source[_at++]);
        }
        _at++;
        Add(JinjaTokenKind.Text, text.ToString(), start);
    }

    /// <summary>An escape of a Python string literal; unknown ones stay as they are.</summary>
    private void Escape(StringBuilder text)
    {
        var start = _at;
        var c = _source[_at + 1];
        _at += 2;
        const string Names = "\\'\"abfnrtv", Meanings = "\\'\"\a\b\f\n\r\t\v";
        if (Names.IndexOf(c, StringComparison.Ordinal) is var known and >= 0)
        {
            text.Append(Meanings[known]);
        }
        else if (c is 'x' or 'u' or 'U')
        {
            var length = c switch { 'x' => 2, 'u' => 4, _ => 8 };
            if (_at + length > _source.Length || !uint.TryParse(_source.AsSpan(_at, length), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code) || code > 0x10FFFF)
                throw new JinjaException($"The escape \\{c} needs {length} hexadecimal digits of a character.", Place(start));
            text.Append(code < 0x10000 ? ((char)code).ToString() : char.ConvertFromUtf32((int)code));
            _at += length;
        }
        else if (c is >= '0' and <= '7')
        {
            var code = c - '0';
            for (var i = 0; i < 2 && Peek(_at) is >= '0' and <= '7'; i++)
                code = code * 8 + (_source[_at++] - '0');
            text.Append((char)code);
        }
        else if (c == 'N')
        {
            throw new JinjaException("Characters by name, \\N{…}, are not supported.", Place(start));
        }
        else if (c != '\n')
        {
            text.Append('\\').Append(c);
        }
    }

    private void Operator()
    {
        var start = _at;
        var two = _at + 1 < _source.Length ? _source.Substring(_at, 2) : "";
        var text = two is "//" or "**" or "==" or "!=" or ">=" or "<=" ? two : _source[_at].ToString();
        if (text.Length == 1 && !"+-/*%~[](){}><=.:|,;".Contains(text[0], StringComparison.Ordinal))
            throw new JinjaException($"The character '{text}' has no meaning here.", Place(start));
        if (text is "(" or "[" or "{")
            _open.Push(text switch { "(" => ')', "[" => ']', _ => '}' });
        else if (text is ")" or "]" or "}" && (!_open.TryPop(out var expected) || expected != text[0]))
            throw new JinjaException(expected == 0 ? $"'{text}' closes nothing." : $"Expected '{expected}', found '{text}'.", Place(start));
        _at += text.Length;
        Add(JinjaTokenKind.Operator, text, start);
    }

    private char Peek(int i) => i < _source.Length ? _source[i] : '\0';

    private int SkipSpace(int i)
    {
        while (i < _source.Length && JinjaText.IsSpace(_source[i]))
            i++;
        return i;
    }

    private void Add(JinjaTokenKind kind, string text, int start, object? value = null) => _tokens.Add(new(kind, text, value, Place(start)));

    private JinjaPosition Place(int index)
    {
        for (; _counted < index; _counted++)
        {
            if (_source[_counted] == '\n')
                (_line, _lineStart) = (_line + 1, _counted + 1);
        }
        return new(_line, Math.Max(1, index - _lineStart + 1));
    }
}
