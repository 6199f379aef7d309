namespace EmbeddedLlm.Chat.Templates;

/// <summary>Tokens to expressions, loosest binding first.</summary>
internal sealed partial class JinjaParser
{
    /// <summary>An expression, or a tuple where commas follow.</summary>
    private JinjaExpression TupleOrExpression(bool hasCondition = true, bool isInParentheses = false)
    {
        var at = Current.At;
        var items = new List<JinjaExpression>();
        var isTuple = false;
        while (!IsTupleEnd())
        {
            items.Add(hasCondition ? Expression() : Or());
            if (!TakeOperator(","))
                break;
            isTuple = true;
        }
        if (!isTuple && items.Count == 1)
            return items[0];
        if (!isTuple && !isInParentheses)
            throw Expected("an expression");
        return new JinjaExpression.TupleLiteral(at, [.. items]);

        bool IsTupleEnd() => Current.Kind is JinjaTokenKind.PrintEnd or JinjaTokenKind.BlockEnd || IsOperator(")") || (!hasCondition && IsName("recursive"));
    }

    private JinjaExpression Expression()
    {
        Nest();
        var (unknown, links) = (_unknown, 0);
        _unknown = null;
        var expression = Or();
        // What stands under a condition may name what does not exist.
        _unknown = unknown ?? (IsName("if") ? null : _unknown);
        while (IsName("if"))
        {
            Link(ref links);
            var at = Next().At;
            _conditions++;
            var test = Or();
            var otherwise = TakeName("else") ? Expression() : null;
            _conditions--;
            expression = new JinjaExpression.Conditional(at, test, expression, otherwise);
        }
        _nesting--;
        return expression;
    }

    private JinjaExpression Or()
    {
        var left = And();
        for (var links = 0; IsName("or"); Link(ref links))
            left = new JinjaExpression.Or(Next().At, left, And());
        return left;
    }

    private JinjaExpression And()
    {
        var left = Not();
        for (var links = 0; IsName("and"); Link(ref links))
            left = new JinjaExpression.And(Next().At, left, Not());
        return left;
    }

    private JinjaExpression Not()
    {
        if (!IsName("not"))
            return Comparison();
        var at = Next().At;
        Nest();
        var operand = Not();
        _nesting--;
        return new JinjaExpression.Not(at, operand);
    }

    private JinjaExpression Comparison()
    {
        var at = Current.At;
        var first = Sum();
        var rest = new List<(string, JinjaExpression)>();
        while (true)
        {
            if (Current is { Kind: JinjaTokenKind.Operator, Text: "==" or "!=" or "<" or "<=" or ">" or ">=" })
                rest.Add((Next().Text, Sum()));
            else if (TakeName("in"))
                rest.Add(("in", Sum()));
            else if (IsName("not") && _tokens[_index + 1] is { Kind: JinjaTokenKind.Name, Text: "in" })
                rest.Add((Next().Text + " " + Next().Text, Sum()));
            else
                return rest.Count == 0 ? first : new JinjaExpression.Comparison(at, first, [.. rest]);
        }
    }

    private JinjaExpression Sum()
    {
        var left = Concatenation();
        for (var links = 0; IsOperator("+") || IsOperator("-"); Link(ref links))
        {
            var sign = Next();
            left = new JinjaExpression.Arithmetic(sign.At, sign.Text, left, Concatenation());
        }
        return left;
    }

    private JinjaExpression Concatenation()
    {
        var at = Current.At;
        var parts = new List<JinjaExpression> { Product() };
        while (TakeOperator("~"))
            parts.Add(Product());
        return parts.Count == 1 ? parts[0] : new JinjaExpression.Concatenation(at, [.. parts]);
    }

    private JinjaExpression Product()
    {
        var left = Power();
        for (var links = 0; Current is { Kind: JinjaTokenKind.Operator, Text: "*" or "/" or "//" or "%" }; Link(ref links))
        {
            var sign = Next();
            left = new JinjaExpression.Arithmetic(sign.At, sign.Text, left, Power());
        }
        return left;
    }

    // Unlike Python's, Jinja's power binds to the left and weaker than a sign.
    private JinjaExpression Power()
    {
        var left = Unary(takesFilters: true);
        for (var links = 0; IsOperator("**"); Link(ref links))
            left = new JinjaExpression.Arithmetic(Next().At, "**", left, Unary(takesFilters: true));
        return left;
    }

    private JinjaExpression Unary(bool takesFilters)
    {
        JinjaExpression expression;
        if (IsOperator("-") || IsOperator("+"))
        {
            var sign = Next();
            Nest();
            expression = new JinjaExpression.Sign(sign.At, sign.Text == "-", Unary(takesFilters: false));
            _nesting--;
        }
        else
        {
            expression = Primary();
        }
        expression = Postfix(expression);
        return takesFilters ? FiltersAndTests(expression) : expression;
    }

    private JinjaExpression Primary()
    {
        var token = Current;
        switch (token.Kind)
        {
            case JinjaTokenKind.Name:
                _index++;
                switch (token.Text)
                {
                    case "true" or "True":
                        return new JinjaExpression.Constant(token.At, true);
                    case "false" or "False":
                        return new JinjaExpression.Constant(token.At, false);
                    case "none" or "None":
                        return new JinjaExpression.Constant(token.At, null);
                    default:
                        _reads.Add(token.Text);
                        return new JinjaExpression.Name(token.At, token.Text);
                }
            case JinjaTokenKind.Text:
                var start = _index;
                while (Current.Kind == JinjaTokenKind.Text)
                    _index++;
                return new JinjaExpression.Constant(token.At, string.Concat(_tokens[start.._index].Select(t => t.Text)));
            case JinjaTokenKind.Integer or JinjaTokenKind.Float:
                _index++;
                return new JinjaExpression.Constant(token.At, token.Value);
            case JinjaTokenKind.Operator when token.Text is "(" or "[" or "{":
                _index++;
                Nest();
                JinjaExpression inner = token.Text switch { "(" => Parenthesised(), "[" => List(token.At), _ => Dict(token.At) };
                _nesting--;
                return inner;
            default:
                throw Expected("an expression");
        }
    }

    private JinjaExpression Parenthesised()
    {
        var inner = TupleOrExpression(isInParentheses: true);
        ExpectOperator(")");
        return inner;
    }

    private JinjaExpression.ListLiteral List(JinjaPosition at)
    {
        var items = new List<JinjaExpression>();
        while (!TakeOperator("]"))
        {
            if (items.Count > 0)
                ExpectOperator(",");
            if (TakeOperator("]"))
                break;
            items.Add(Expression());
        }
        return new JinjaExpression.ListLiteral(at, [.. items]);
    }

    private JinjaExpression.DictLiteral Dict(JinjaPosition at)
    {
        var items = new List<(JinjaExpression, JinjaExpression)>();
        while (!TakeOperator("}"))
        {
            if (items.Count > 0)
                ExpectOperator(",");
            if (TakeOperator("}"))
                break;
            var key = Expression();
            ExpectOperator(":");
            items.Add((key, Expression()));
        }
        return new JinjaExpression.DictLiteral(at, [.. items]);
    }

    private JinjaExpression Postfix(JinjaExpression target)
    {
        for (var links = 0; ; Link(ref links))
        {
            if (IsOperator("("))
                target = Call(target);
            else if (IsOperator("."))
                target = Attribute(target, Next().At);
            else if (IsOperator("["))
                target = Item(target, Next().At);
            else
                return target;
        }
    }

    private JinjaExpression FiltersAndTests(JinjaExpression input)
    {
        for (var links = 0; ; Link(ref links))
        {
            if (IsOperator("|"))
                input = Filters(input, isNamed: false)!;
            else if (TakeName("is"))
                input = Test(input);
            else if (IsOperator("("))
                input = Call(input);
            else
                return input;
        }
    }

    private JinjaExpression Attribute(JinjaExpression target, JinjaPosition at)
    {
        var token = Next();
        return token.Kind switch
        {
            JinjaTokenKind.Name => new JinjaExpression.Attribute(at, target, token.Text),
            JinjaTokenKind.Integer => new JinjaExpression.Item(at, target, new JinjaExpression.Constant(token.At, token.Value)),
            _ => throw new JinjaException("Expected a name or a number after '.'.", token.At),
        };
    }

    private JinjaExpression.Item Item(JinjaExpression target, JinjaPosition at)
    {
        Nest();
        var indices = new List<JinjaExpression>();
        while (!TakeOperator("]"))
        {
            if (indices.Count > 0)
                ExpectOperator(",");
            indices.Add(IndexOrSlice());
        }
        _nesting--;
        return new(at, target, indices.Count == 1 ? indices[0] : new JinjaExpression.TupleLiteral(at, [.. indices]));
    }

    private JinjaExpression IndexOrSlice()
    {
        var at = Current.At;
        var start = IsOperator(":") ? null : Expression();
        if (!TakeOperator(":"))
            return start!;
        var stop = IsEnd() ? null : Expression();
        var step = TakeOperator(":") && !IsEnd() ? Expression() : null;
        return new JinjaExpression.Slice(at, start, stop, step);

        bool IsEnd() => IsOperator(":") || IsOperator("]") || IsOperator(",");
    }

    private JinjaExpression.Call Call(JinjaExpression target) => new(Current.At, target, Arguments());

    private JinjaCallSite Arguments()
    {
        ExpectOperator("(");
        Nest();
        var positional = new List<JinjaExpression>();
        var named = new List<(string, JinjaExpression)>();
        JinjaExpression? more = null, moreNamed = null;
        var isFirst = true;
        while (!TakeOperator(")"))
        {
            if (!isFirst)
            {
                ExpectOperator(",");
                if (TakeOperator(")"))
                    break;
            }
            isFirst = false;
            var isNamed = Current.Kind == JinjaTokenKind.Name && _tokens[_index + 1] is { Kind: JinjaTokenKind.Operator, Text: "=" };
            if (moreNamed is not null || (more is not null && !isNamed && !IsOperator("**")) || (named.Count > 0 && !isNamed && !IsOperator("*") && !IsOperator("**")))
                throw Wrong("This argument cannot stand here: first come values, then names, then *, then **.");
            if (TakeOperator("*"))
                more = Expression();
            else if (TakeOperator("**"))
                moreNamed = Expression();
            else if (isNamed)
                named.Add((Name(), Expression()));
            else
                positional.Add(Expression());
        }
        _nesting--;
        return new([.. positional], [.. named], more, moreNamed);

        string Name()
        {
            var name = Next().Text;
            _index++;
            return name;
        }
    }

    /// <summary>A chain of filters; the first may stand without its bar, as in <c>{% filter upper %}</c>.</summary>
    private JinjaExpression.Filter? Filters(JinjaExpression? input, bool isNamed)
    {
        for (var links = 0; isNamed || TakeOperator("|"); Link(ref links))
        {
            isNamed = false;
            var at = Current.At;
            var name = DottedName();
            if (!JinjaFilters.All.ContainsKey(name))
                Unknown(JinjaFilters.Unknown(name), at);
            input = new JinjaExpression.Filter(at, input, name, IsOperator("(") ? Arguments() : JinjaCallSite.Empty);
        }
        return (JinjaExpression.Filter?)input;
    }

    private JinjaExpression Test(JinjaExpression input)
    {
        var at = Current.At;
        var isNegated = TakeName("not");
        var name = DottedName();
        if (!JinjaTests.All.ContainsKey(name))
            Unknown($"There is no test '{name}'.", at);
        var arguments = JinjaCallSite.Empty;
        if (IsOperator("("))
        {
            arguments = Arguments();
        }
        else if (Current.Kind is JinjaTokenKind.Name or JinjaTokenKind.Text or JinjaTokenKind.Integer or JinjaTokenKind.Float || IsOperator("[") || IsOperator("{"))
        {
            if (IsName("is"))
                throw Wrong("Tests cannot be chained with 'is'.");
            if (!IsName("else") && !IsName("or") && !IsName("and"))
                arguments = new([Postfix(Primary())], [], null, null);
        }
        JinjaExpression test = new JinjaExpression.Test(at, input, name, arguments);
        return isNegated ? new JinjaExpression.Not(at, test) : test;
    }

    /// <summary>Notes a filter or test that does not exist. As in Jinja that is an error at once, or when it is reached if it stands under a condition.</summary>
    private void Unknown(string message, JinjaPosition at) => _unknown ??= _conditions == 0 ? new(message, at) : null;

    private string DottedName()
    {
        var name = Expect(JinjaTokenKind.Name, "a name").Text;
        while (TakeOperator("."))
            name += "." + Expect(JinjaTokenKind.Name, "a name").Text;
        return name;
    }

    /// <summary>One more link of a chain such as <c>a + b + c</c>, which nests to the left.</summary>
    private void Link(ref int links)
    {
        if (++links > 8 * _maxNesting)
            throw Wrong($"The expression chains more than {8 * _maxNesting} operators.");
    }
}
