using System.Text;
using EmbeddedLlm.Grammar.Automata;
using EmbeddedLlm.Grammar.Masks;

namespace EmbeddedLlm.Grammar.Text;

/// <summary>Reads GBNF, the grammar notation of llama.cpp: rules over characters, with repetition, groups and tokens by name or id.</summary>
internal sealed class GbnfParser
{
    // Rules up to this size are written in place where they are called, if they call no others.
    private const int InlineSize = 64;

    private readonly ExprPool _pool;
    private readonly TokenTable _tokens;
    private readonly Scanner _scanner;
    private readonly Dictionary<string, Rule> _rules = [];
    private int _depth;

    private GbnfParser(string text, ExprPool pool, TokenTable tokens) => (_scanner, _pool, _tokens) = (new Scanner(text, "grammar"), pool, tokens);

    /// <summary>Reads a grammar.</summary>
    /// <returns>All rules; the one named root comes first.</returns>
    public static List<Rule> Parse(string text, ExprPool pool, TokenTable tokens)
    {
        var parser = new GbnfParser(text, pool, tokens);
        parser.ReadRules();
        if (!parser._rules.TryGetValue("root", out var root))
            throw new ConstraintException("grammar", "root", "A rule named root was expected, none was found.");
        foreach (var rule in parser._rules.Values)
        {
            if (rule.Body is null)
                throw new ConstraintException("grammar", rule.Name, "A rule of this name was expected, it is used but not defined.");
        }
        List<Rule> rules = [root, .. parser._rules.Values.Where(rule => rule != root)];
        new Inliner(pool).Run(rules);
        return rules;
    }

    private void ReadRules()
    {
        SkipSpace(true);
        while (!_scanner.AtEnd)
        {
            var name = TakeName();
            SkipSpace(false);
            if (!_scanner.TryTake("::="))
                throw _scanner.Wrong(name, "'::='");
            SkipSpace(true);
            var rule = Find(name);
            if (rule.Body is not null)
                throw _scanner.Wrong(name, "one definition of each rule, a second");
            rule.Body = ReadAlternatives(name, nested: false);
            if (!_scanner.AtEnd && _scanner.Current is not ('\r' or '\n'))
                throw _scanner.Wrong(name, "the end of the rule");
            SkipSpace(true);
        }
    }

    private Rule Find(string name)
    {
        if (!_rules.TryGetValue(name, out var rule))
            _rules[name] = rule = new Rule(name);
        return rule;
    }

    private string TakeName()
    {
        var name = _scanner.TakeWhile(IsNameCharacter);
        return name.Length > 0 ? name : throw _scanner.Wrong("rule", "a name");
    }

    private static bool IsNameCharacter(char c) => char.IsAsciiLetterOrDigit(c) || c is '-' or '_';

    private void SkipSpace(bool lines)
    {
        while (true)
        {
            _scanner.TakeWhile(c => c is ' ' or '\t' || (lines && c is '\r' or '\n'));
            if (_scanner.Current != '#')
                return;
            _scanner.TakeWhile(c => c is not ('\r' or '\n'));
        }
    }

    private Expr ReadAlternatives(string rule, bool nested)
    {
        if (++_depth > ConstraintLimits.Depth)
            throw new ConstraintException("grammar", rule, $"At most {ConstraintLimits.Depth} brackets inside one another were expected, more were found.", isLimit: true);
        var alternatives = new List<Expr> { ReadSequence(rule, nested) };
        while (_scanner.TryTake('|'))
        {
            SkipSpace(true);
            alternatives.Add(ReadSequence(rule, nested));
        }
        _depth--;
        return _pool.Alt([.. alternatives]);
    }

    private Expr ReadSequence(string rule, bool nested)
    {
        var parts = new List<Expr>();
        while (ReadSymbol(rule) is { } symbol)
        {
            SkipSpace(nested);
            parts.Add(ReadRepetition(symbol, rule));
            SkipSpace(nested);
        }
        return _pool.Seq([.. parts]);
    }

    private Expr ReadRepetition(Expr symbol, string rule)
    {
        while (true)
        {
            if (_scanner.TryTake('*'))
                symbol = _pool.Repeat(symbol, 0, -1);
            else if (_scanner.TryTake('+'))
                symbol = _pool.Repeat(symbol, 1, -1);
            else if (_scanner.TryTake('?'))
                symbol = _pool.Optional(symbol);
            else if (_scanner.TryTake('{'))
            {
                var (min, max) = _scanner.TakeBounds(rule);
                symbol = _pool.Repeat(symbol, min, max);
            }
            else
                return symbol;
        }
    }

    private Expr? ReadSymbol(string rule)
    {
        switch (_scanner.Current)
        {
            case '"':
                _scanner.Position++;
                var text = new StringBuilder();
                while (!_scanner.TryTake('"'))
                    text.Append(char.ConvertFromUtf32(TakeCharacter(rule)));
                return _pool.Literal(Encoding.UTF8.GetBytes(text.ToString()));
            case '[':
                return Utf8.Encode(_pool, ReadSet(rule), withBeyond: true);
            case '.':
                _scanner.Position++;
                return Utf8.Encode(_pool, CodePoints.All, withBeyond: true);
            case '(':
                _scanner.Position++;
                SkipSpace(true);
                var group = ReadAlternatives(rule, nested: true);
                _scanner.Expect(')', rule);
                return group;
            case '<' or '!':
                return _pool.Tokens(ReadToken(rule));
            case var c when IsNameCharacter(c) && !_scanner.AtEnd:
                return _pool.Call(Find(TakeName()));
            default:
                return null;
        }
    }

    private CodePoints ReadSet(string rule)
    {
        _scanner.Position++;
        var isNegated = _scanner.TryTake('^');
        var ranges = new List<(int, int)>();
        while (!_scanner.TryTake(']'))
        {
            var low = TakeCharacter(rule);
            var high = low;
            if (_scanner.Current == '-' && _scanner.Peek() != ']')
            {
                _scanner.Position++;
                high = TakeCharacter(rule);
            }
            ranges.Add((low, high));
        }
        var set = CodePoints.Of(ranges.Where(range => range.Item1 <= range.Item2));
        return isNegated ? set.Complement() : set;
    }

    private int TakeCharacter(string rule)
    {
        if (_scanner.Current is '\r' or '\n' && _scanner.AtEnd)
            throw _scanner.Wrong(rule, "a character");
        if (!_scanner.TryTake('\\'))
            return _scanner.TakeCodePoint(rule);
        var c = _scanner.Current;
        _scanner.Position++;
        var value = c switch
        {
            'x' => _scanner.TakeHex(2, rule),
            'u' => _scanner.TakeHex(4, rule),
            'U' => _scanner.TakeHex(8, rule),
            't' => '\t',
            'r' => '\r',
            'n' => '\n',
            '\\' or '"' or '[' or ']' or '-' or '^' => c,
            _ => -1,
        };
        if (value >= 0 && Rune.IsValid(value))
            return value;
        _scanner.Position--;
        throw _scanner.Wrong(rule, @"an escape of a character, one of \xHH \uHHHH \UHHHHHHHH \t \r \n \\ \"" \[ \]");
    }

    private TokenSet ReadToken(string rule)
    {
        var isNegated = _scanner.TryTake('!');
        _scanner.Expect('<', rule);
        int id;
        if (_scanner.TryTake('['))
        {
            id = _scanner.TakeNumber(rule);
            _scanner.Expect(']', rule);
            _scanner.Expect('>', rule);
            if (id >= _tokens.Count)
                throw new ConstraintException("grammar", rule, $"A token below {_tokens.Count} was expected, <[{id}]> was found.");
        }
        else
        {
            var name = $"<{_scanner.TakeWhile(c => c is not ('>' or '\n'))}>";
            _scanner.Expect('>', rule);
            if (!_tokens.TryGetId(name, out id))
                throw new ConstraintException("grammar", rule, $"A token of the vocabulary was expected, {name} was found.");
        }
        return new TokenSet(id, isNegated);
    }

    /// <summary>Puts small rules in the place of their calls, so that their text is read by derivatives alone.</summary>
    private sealed class Inliner(ExprPool pool)
    {
        private readonly Dictionary<Expr, Expr> _rewritten = [];
        private readonly Dictionary<Rule, bool?> _small = [];

        public void Run(List<Rule> rules)
        {
            foreach (var rule in rules)
                Settle(rule);
            foreach (var rule in rules)
                rule.Body = Rewrite(rule.Body!);
        }

        private bool Settle(Rule rule)
        {
            if (_small.TryGetValue(rule, out var known))
                return known ?? false;
            ConstraintLimits.CheckStack();
            _small[rule] = null;
            var small = Size(rule.Body!) <= InlineSize;
            _small[rule] = small;
            return small;
        }

        private int Size(Expr expr)
        {
            ConstraintLimits.CheckStack();
            var size = expr.Kind switch
            {
                ExprKind.Call => Settle(expr.Rule!) ? Size(expr.Rule!.Body!) : InlineSize + 1,
                ExprKind.Repeat => 16 + Size(expr.First!),
                ExprKind.Seq => 1 + Size(expr.First!) is var first && first > InlineSize ? first : first + Size(expr.Rest!),
                _ => 1,
            };
            foreach (var part in expr.Parts)
            {
                if (size <= InlineSize)
                    size += Size(part);
            }
            return Math.Min(size, InlineSize + 1);
        }

        private Expr Rewrite(Expr expr)
        {
            if (_rewritten.TryGetValue(expr, out var known))
                return known;
            ConstraintLimits.CheckStack();
            var result = expr.Kind switch
            {
                ExprKind.Call when _small[expr.Rule!] == true => Rewrite(expr.Rule!.Body!),
                ExprKind.Seq => pool.Seq(Rewrite(expr.First!), Rewrite(expr.Rest!)),
                ExprKind.Alt => pool.Alt([.. expr.Parts.Select(Rewrite)]),
                ExprKind.Repeat => pool.Repeat(Rewrite(expr.First!), expr.Min, expr.Max),
                _ => expr,
            };
            _rewritten[expr] = result;
            return result;
        }
    }
}
