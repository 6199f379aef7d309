namespace EmbeddedLlm.Grammar.Text;

/// <summary>
/// Reads regular expressions as ECMAScript and JSON Schema write them (ECMA-262 with the u flag), as far as they describe regular languages:
/// no references back, no look behind, no word boundaries.
/// </summary>
internal sealed class RegexParser
{
    private const string Feature = "regex";

    // ECMA-262, 22.2.2.9: \d and \w are ASCII, \s is white space and line ends of Unicode.
    private static readonly CodePoints Digits = CodePoints.Range('0', '9');
    private static readonly CodePoints WordCharacters = CodePoints.Of([('0', '9'), ('A', 'Z'), ('a', 'z'), ('_', '_')]);
    private static readonly CodePoints Spaces = CodePoints.Of(
        [(9, 13), (0x20, 0x20), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF)]);

    private static readonly CodePoints NoLineEnd = CodePoints.Of('\n', '\r', 0x2028, 0x2029).Complement();

    private readonly Scanner _scanner;
    private int _depth;

    private RegexParser(string pattern, string name) => _scanner = new Scanner(pattern, name);

    /// <summary>Reads an expression; <paramref name="name"/> stands in errors.</summary>
    public static RegexNode Parse(string pattern, string name)
    {
        var parser = new RegexParser(pattern, name);
        var node = parser.ReadChoice();
        return parser._scanner.AtEnd ? node : throw parser._scanner.Wrong(Feature, "the end of the expression");
    }

    private RegexNode ReadChoice()
    {
        if (++_depth > ConstraintLimits.Depth)
            throw new ConstraintException("regex", Feature, $"At most {ConstraintLimits.Depth} brackets inside one another were expected, more were found.", isLimit: true);
        var parts = new List<RegexNode> { ReadSequence() };
        while (_scanner.TryTake('|'))
            parts.Add(ReadSequence());
        _depth--;
        return parts.Count == 1 ? parts[0] : new RegexNode.Choice(parts);
    }

    private RegexNode.Sequence ReadSequence()
    {
        var parts = new List<RegexNode>();
        while (!_scanner.AtEnd && _scanner.Current is not ('|' or ')'))
            parts.Add(ReadRepetition(ReadAtom()));
        return new RegexNode.Sequence(parts);
    }

    private RegexNode ReadRepetition(RegexNode atom)
    {
        int min, max;
        if (_scanner.TryTake('*'))
            (min, max) = (0, -1);
        else if (_scanner.TryTake('+'))
            (min, max) = (1, -1);
        else if (_scanner.TryTake('?'))
            (min, max) = (0, 1);
        else if (_scanner.TryTake('{'))
            (min, max) = _scanner.TakeBounds(Feature);
        else
            return atom;
        if (atom is RegexNode.Start or RegexNode.End or RegexNode.Look)
            throw _scanner.Wrong(Feature, "something to repeat before the count");
        // Greedy or lazy, the texts that match are the same.
        _scanner.TryTake('?');
        return _scanner.Current is '*' or '+' or '?' or '{' ? throw _scanner.Wrong(Feature, "one count") : new RegexNode.Repeat(atom, min, max);
    }

    private RegexNode ReadAtom()
    {
        switch (_scanner.Current)
        {
            case '^':
                _scanner.Position++;
                return new RegexNode.Start();
            case '$':
                _scanner.Position++;
                return new RegexNode.End();
            case '.':
                _scanner.Position++;
                return new RegexNode.Set(NoLineEnd);
            case '[':
                return new RegexNode.Set(ReadSet());
            case '(':
                return ReadGroup();
            case '*' or '+' or '?':
                throw _scanner.Wrong(Feature, "something to repeat before the count");
            case '\\':
                _scanner.Position++;
                if (_scanner.Current is 'b' or 'B')
                    throw _scanner.Wrong(Feature, @"no word boundary (\b), which no constraint can carry,");
                return new RegexNode.Set(ReadEscape(inSet: false));
            default:
                return new RegexNode.Set(CodePoints.Of(_scanner.TakeCodePoint(Feature)));
        }
    }

    private RegexNode ReadGroup()
    {
        _scanner.Position++;
        bool? look = null;
        if (_scanner.TryTake("?="))
            look = false;
        else if (_scanner.TryTake("?!"))
            look = true;
        else if (_scanner.StartsWith("?<=") || _scanner.StartsWith("?<!"))
            throw _scanner.Wrong(Feature, "no look behind, which no constraint can carry,");
        else if (_scanner.TryTake("?<"))
        {
            _scanner.TakeWhile(c => c != '>');
            _scanner.Expect('>', Feature);
        }
        else if (_scanner.Current == '?' && !_scanner.TryTake("?:"))
            throw _scanner.Wrong(Feature, "a group (…), (?:…), (?<name>…), (?=…) or (?!…)");
        var body = ReadChoice();
        _scanner.Expect(')', Feature);
        return look is { } negated ? new RegexNode.Look(body, negated) : body;
    }

    private CodePoints ReadSet()
    {
        _scanner.Position++;
        var isNegated = _scanner.TryTake('^');
        var set = CodePoints.None;
        while (!_scanner.TryTake(']'))
        {
            if (_scanner.AtEnd)
                throw _scanner.Wrong(Feature, "']'");
            var low = ReadSetAtom();
            if (_scanner.Current != '-' || _scanner.Peek() is ']' or '\0')
            {
                set = set.Union(low);
                continue;
            }
            _scanner.Position++;
            var high = ReadSetAtom();
            if (low.Ranges is [var from] && from.Low == from.High && high.Ranges is [var to] && to.Low == to.High)
                set = from.Low <= to.Low ? set.Union(CodePoints.Range(from.Low, to.Low)) : throw _scanner.Wrong(Feature, "a range that rises");
            else
                set = set.Union(low).Union(high).Union(CodePoints.Of('-'));
        }
        return isNegated ? set.Complement() : set;
    }

    private CodePoints ReadSetAtom() => _scanner.TryTake('\\') ? ReadEscape(inSet: true) : CodePoints.Of(_scanner.TakeCodePoint(Feature));

    private CodePoints ReadEscape(bool inSet)
    {
        var c = _scanner.Current;
        switch (c)
        {
            case >= '1' and <= '9':
                throw _scanner.Wrong(Feature, "no reference back, which no constraint can carry,");
            case 'u':
                _scanner.Position++;
                return CodePoints.Of(ReadUnicode());
            case 'x':
                _scanner.Position++;
                return CodePoints.Of(_scanner.TakeHex(2, Feature));
            case 'c' when char.IsAsciiLetter(_scanner.Peek()):
                _scanner.Position += 2;
                return CodePoints.Of(_scanner.Peek(-1) & 31);
            case 'p' or 'P':
                _scanner.Position++;
                _scanner.Expect('{', Feature);
                var name = _scanner.TakeWhile(x => x != '}');
                var category = UnicodeCategories.Find(name) ?? throw _scanner.Wrong(Feature, $"a general category of Unicode in place of \\p{{{name}}}");
                _scanner.Expect('}', Feature);
                return c == 'P' ? category.Complement() : category;
        }
        var set = c switch
        {
            'd' => Digits,
            'D' => Digits.Complement(),
            'w' => WordCharacters,
            'W' => WordCharacters.Complement(),
            's' => Spaces,
            'S' => Spaces.Complement(),
            'n' => CodePoints.Of('\n'),
            'r' => CodePoints.Of('\r'),
            't' => CodePoints.Of('\t'),
            'v' => CodePoints.Of('\v'),
            'f' => CodePoints.Of('\f'),
            '0' => CodePoints.Of(0),
            'b' when inSet => CodePoints.Of('\b'),
            _ => null,
        };
        if (set is null && (_scanner.AtEnd || char.IsAsciiLetterOrDigit(c)))
            throw _scanner.Wrong(Feature, "an escape");
        if (set is null)
            return CodePoints.Of(_scanner.TakeCodePoint(Feature));
        _scanner.Position++;
        return set;
    }

    private int ReadUnicode()
    {
        if (_scanner.TryTake('{'))
        {
            var digits = _scanner.TakeWhile(char.IsAsciiHexDigit);
            _scanner.Expect('}', Feature);
            return int.TryParse(digits, System.Globalization.NumberStyles.AllowHexSpecifier, null, out var value) && value is >= 0 and <= CodePoints.Max
                ? value
                : throw _scanner.Wrong(Feature, "a code point");
        }
        var unit = _scanner.TakeHex(4, Feature);
        if (!char.IsHighSurrogate((char)unit) || !_scanner.TryTake("\\u"))
            return unit;
        var low = _scanner.TakeHex(4, Feature);
        return char.IsLowSurrogate((char)low) ? char.ConvertToUtf32((char)unit, (char)low) : throw _scanner.Wrong(Feature, "the second half of a surrogate pair");
    }
}
