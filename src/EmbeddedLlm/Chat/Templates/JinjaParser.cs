using System.Runtime.CompilerServices;

namespace EmbeddedLlm.Chat.Templates;

/// <summary>Tokens to statements. The other half of this class reads expressions.</summary>
internal sealed partial class JinjaParser
{
    private readonly List<JinjaToken> _tokens;
    private readonly int _maxNesting;
    private readonly HashSet<string> _reads = [];
    private int _index;
    private int _nesting;
    private int _loops;
    private int _conditions;
    private JinjaException? _unknown;

    private JinjaParser(List<JinjaToken> tokens, int maxNesting)
    {
        _tokens = tokens;
        _maxNesting = maxNesting;
    }

    private JinjaToken Current => _tokens[_index];

    /// <summary>The statements of a template and all variable names that it reads.</summary>
    public static (JinjaStatement[] Body, IReadOnlySet<string> Reads) Parse(string source, JinjaLimits limits)
    {
        if (source.Length > limits.MaxTemplateLength)
            throw new JinjaException($"The template has {source.Length} characters, more than {limits.MaxTemplateLength}.");
        var parser = new JinjaParser(JinjaLexer.Tokenize(source), limits.MaxNesting);
        var body = parser.Body("the template");
        return parser._unknown is null ? (body, parser._reads) : throw parser._unknown;
    }

    /// <summary>Statements up to one of the given tags, which is then the current token.</summary>
    private JinjaStatement[] Body(string of, params ReadOnlySpan<string> ends)
    {
        Nest();
        var statements = new List<JinjaStatement>();
        while (Current.Kind != JinjaTokenKind.End)
        {
            var token = Next();
            if (token.Kind == JinjaTokenKind.Data)
            {
                statements.Add(new JinjaStatement.Text(token.At, token.Text));
            }
            else if (token.Kind == JinjaTokenKind.PrintBegin)
            {
                statements.Add(new JinjaStatement.Print(token.At, TupleOrExpression()));
                Expect(JinjaTokenKind.PrintEnd, "}}");
            }
            else if (Current.Kind == JinjaTokenKind.Name && ends.Contains(Current.Text))
            {
                _nesting--;
                return [.. statements];
            }
            else
            {
                statements.Add(Statement(of, ends));
                Expect(JinjaTokenKind.BlockEnd, "%}");
            }
        }
        if (!ends.IsEmpty)
            throw Wrong($"The template ends inside {of}; expected {Tags(ends)}.");
        return [.. statements];
    }

    /// <summary>The body of a tag that is closed by one tag alone.</summary>
    private JinjaStatement[] BodyUntil(string of, string end)
    {
        EndTag();
        var body = Body(of, end);
        Next();
        return body;
    }

    private void EndTag()
    {
        TakeOperator(":");
        Expect(JinjaTokenKind.BlockEnd, "%}");
    }

    private JinjaStatement Statement(string of, ReadOnlySpan<string> ends)
    {
        var tag = Expect(JinjaTokenKind.Name, "the name of a tag");
        switch (tag.Text)
        {
            case "if":
                return If(tag.At);
            case "for":
                return For(tag.At);
            case "set":
                return Set(tag.At);
            case "with":
                return With(tag.At);
            case "print":
                var values = new List<JinjaExpression>();
                do
                    values.Add(Expression());
                while (TakeOperator(","));
                return new JinjaStatement.Print(tag.At, new JinjaExpression.Concatenation(tag.At, [.. values]));
            case "macro":
                return Macro(tag.At);
            case "call":
                return CallBlock(tag.At);
            case "filter":
                var filter = Filters(null, isNamed: true)!;
                return new JinjaStatement.FilterBlock(tag.At, filter, BodyUntil("filter", "endfilter"));
            case "generation":
                return new JinjaStatement.Generation(tag.At, Separate(() => BodyUntil("generation", "endgeneration")));
            case "break" or "continue" when _loops == 0:
                throw new JinjaException($"'{tag.Text}' stands outside of a loop.", tag.At);
            case "break":
                return new JinjaStatement.Break(tag.At);
            case "continue":
                return new JinjaStatement.Continue(tag.At);
            case "include" or "import" or "from" or "extends" or "block":
                throw new JinjaException($"'{tag.Text}' is not supported: a chat template is one template alone.", tag.At);
            default:
                throw new JinjaException($"There is no tag '{tag.Text}' here, inside {of}{(ends.IsEmpty ? "" : $", which {Tags(ends)} would close")}.", tag.At);
        }
    }

    private JinjaStatement.If If(JinjaPosition at)
    {
        var branches = new List<(JinjaExpression, JinjaStatement[])>();
        JinjaStatement[] otherwise = [];
        _conditions++;
        while (true)
        {
            var test = TupleOrExpression(hasCondition: false);
            EndTag();
            branches.Add((test, Body("if", "elif", "else", "endif")));
            var end = Next().Text;
            if (end == "elif")
                continue;
            if (end == "else")
                otherwise = BodyUntil("else", "endif");
            _conditions--;
            return new(at, [.. branches], otherwise);
        }
    }

    private JinjaStatement.For For(JinjaPosition at)
    {
        var target = Target(isInFor: true);
        ExpectName("in");
        var items = TupleOrExpression(hasCondition: false);
        var test = TakeName("if") ? Expression() : null;
        var isRecursive = TakeName("recursive");
        EndTag();
        var conditions = _conditions;
        (_loops, _conditions) = (_loops + 1, 0);
        var body = Body("for", "endfor", "else");
        _loops--;
        JinjaStatement[] otherwise = Next().Text == "else" ? BodyUntil("else", "endfor") : [];
        _conditions = conditions;
        return new(at, target, items, test, isRecursive, body, otherwise);
    }

    private JinjaStatement Set(JinjaPosition at)
    {
        var target = Target(mayBeAttribute: true);
        if (TakeOperator("="))
            return new JinjaStatement.Set(at, target, TupleOrExpression());
        var filter = Filters(null, isNamed: false);
        return new JinjaStatement.SetBlock(at, target, filter, BodyUntil("set", "endset"));
    }

    private JinjaStatement.With With(JinjaPosition at)
    {
        var values = new List<(JinjaExpression, JinjaExpression)>();
        while (Current.Kind != JinjaTokenKind.BlockEnd)
        {
            if (values.Count > 0)
                ExpectOperator(",");
            var target = Target();
            ExpectOperator("=");
            values.Add((target, Expression()));
        }
        return new(at, [.. values], BodyUntil("with", "endwith"));
    }

    private JinjaStatement.Macro Macro(JinjaPosition at)
    {
        var name = AssignableName();
        ExpectOperator("(");
        return new(at, Definition(name, Parameters(), "macro", "endmacro"));
    }

    private JinjaStatement.CallBlock CallBlock(JinjaPosition at)
    {
        var parameters = TakeOperator("(") ? Parameters() : [];
        if (Expression() is not JinjaExpression.Call call)
            throw new JinjaException("The call block needs a call.", at);
        return new(at, call, Definition("caller", parameters, "call", "endcall"));
    }

    private JinjaMacroDefinition Definition(string name, (string, JinjaExpression?)[] parameters, string tag, string end)
    {
        // What the body names decides which arguments it takes; names read so far are set aside meanwhile.
        string[] special = ["caller", "varargs", "kwargs"];
        var before = Array.FindAll(special, _reads.Remove);
        var body = Separate(() => BodyUntil(tag, end));
        var definition = new JinjaMacroDefinition(name, parameters, body, _reads.Contains("caller"), _reads.Contains("varargs"), _reads.Contains("kwargs"));
        _reads.UnionWith(before);
        return definition;
    }

    private (string, JinjaExpression?)[] Parameters()
    {
        var parameters = new List<(string Name, JinjaExpression? Default)>();
        while (!TakeOperator(")"))
        {
            if (parameters.Count > 0)
                ExpectOperator(",");
            var name = AssignableName();
            var value = TakeOperator("=") ? Expression() : null;
            if (value is null && parameters.Count > 0 && parameters[^1].Default is not null)
                throw Wrong($"The parameter '{name}' without default follows one with a default.");
            parameters.Add((name, value));
        }
        return [.. parameters];
    }

    /// <summary>Parses a body that runs on its own: <c>break</c> does not leave it, whatever loop surrounds it.</summary>
    private JinjaStatement[] Separate(Func<JinjaStatement[]> parse)
    {
        var (loops, conditions) = (_loops, _conditions);
        (_loops, _conditions) = (0, 0);
        var body = parse();
        (_loops, _conditions) = (loops, conditions);
        return body;
    }

    private JinjaExpression Target(bool mayBeAttribute = false, bool isInFor = false)
    {
        var at = Current.At;
        var items = new List<JinjaExpression>();
        var isTuple = false;
        do
        {
            if (items.Count > 0 && (Current.Kind is JinjaTokenKind.BlockEnd || IsOperator(")") || (isInFor && IsName("in"))))
                break;
            items.Add(OneTarget(mayBeAttribute, isInFor));
        }
        while (TakeOperator(",") && (isTuple = true));
        return isTuple ? new JinjaExpression.TupleLiteral(at, [.. items]) : items[0];
    }

    private JinjaExpression OneTarget(bool mayBeAttribute, bool isInFor)
    {
        var at = Current.At;
        if (TakeOperator("("))
        {
            Nest();
            var inner = Target(mayBeAttribute, isInFor);
            ExpectOperator(")");
            _nesting--;
            return inner;
        }
        var name = AssignableName();
        if (!mayBeAttribute || !TakeOperator("."))
            return new JinjaExpression.Name(at, name);
        _reads.Add(name);
        return new JinjaExpression.Attribute(at, new JinjaExpression.Name(at, name), Expect(JinjaTokenKind.Name, "an attribute").Text);
    }

    private string AssignableName()
    {
        var name = Expect(JinjaTokenKind.Name, "a name");
        return name.Text is "true" or "false" or "none" or "True" or "False" or "None"
            ? throw new JinjaException($"'{name.Text}' cannot be assigned.", name.At)
            : name.Text;
    }

    private void Nest()
    {
        if (++_nesting > _maxNesting || !RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw Wrong($"The template is nested more than {_maxNesting} levels deep.");
    }

    private JinjaToken Next() => _tokens[_index++];

    private bool IsOperator(string text) => Current.Kind == JinjaTokenKind.Operator && Current.Text == text;

    private bool IsName(string text) => Current.Kind == JinjaTokenKind.Name && Current.Text == text;

    private bool TakeOperator(string text)
    {
        var taken = IsOperator(text);
        _index += taken ? 1 : 0;
        return taken;
    }

    private bool TakeName(string text)
    {
        var taken = IsName(text);
        _index += taken ? 1 : 0;
        return taken;
    }

    private void ExpectOperator(string text)
    {
        if (!TakeOperator(text))
            throw Expected($"'{text}'");
    }

    private void ExpectName(string text)
    {
        if (!TakeName(text))
            throw Expected($"'{text}'");
    }

    private JinjaToken Expect(JinjaTokenKind kind, string what) => Current.Kind == kind ? Next() : throw Expected(what);

    private JinjaException Expected(string what)
    {
        var found = Current.Kind switch
        {
            JinjaTokenKind.End => "the end of the template",
            JinjaTokenKind.Data or JinjaTokenKind.PrintBegin or JinjaTokenKind.BlockBegin => "the end of the tag",
            JinjaTokenKind.Text => "a string",
            _ => $"'{Current.Text}'",
        };
        return Wrong($"Expected {what}, found {found}.");
    }

    private JinjaException Wrong(string message) => new(message, Current.At);

    private static string Tags(ReadOnlySpan<string> names) => $"'{string.Join("' or '", names.ToArray())}'";
}
