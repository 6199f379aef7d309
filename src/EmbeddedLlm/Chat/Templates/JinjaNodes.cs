namespace EmbeddedLlm.Chat.Templates;

/// <summary>A place in a template, both counted from 1.</summary>
internal readonly record struct JinjaPosition(int Line, int Column);

/// <summary>A part of a parsed template.</summary>
internal abstract record JinjaNode(JinjaPosition At);

/// <summary>What has a value. Names, tuples of names and attributes of names also serve as the left side of <c>set</c> and <c>for</c>.</summary>
internal abstract record JinjaExpression(JinjaPosition At) : JinjaNode(At)
{
    public sealed record Constant(JinjaPosition At, object? Value) : JinjaExpression(At);

    public sealed record Name(JinjaPosition At, string Identifier) : JinjaExpression(At);

    public sealed record TupleLiteral(JinjaPosition At, JinjaExpression[] Items) : JinjaExpression(At);

    public sealed record ListLiteral(JinjaPosition At, JinjaExpression[] Items) : JinjaExpression(At);

    public sealed record DictLiteral(JinjaPosition At, (JinjaExpression Key, JinjaExpression Value)[] Items) : JinjaExpression(At);

    public sealed record Not(JinjaPosition At, JinjaExpression Operand) : JinjaExpression(At);

    /// <summary><c>-x</c> or <c>+x</c>.</summary>
    public sealed record Sign(JinjaPosition At, bool IsNegative, JinjaExpression Operand) : JinjaExpression(At);

    public sealed record And(JinjaPosition At, JinjaExpression Left, JinjaExpression Right) : JinjaExpression(At);

    public sealed record Or(JinjaPosition At, JinjaExpression Left, JinjaExpression Right) : JinjaExpression(At);

    public sealed record Arithmetic(JinjaPosition At, string Operator, JinjaExpression Left, JinjaExpression Right) : JinjaExpression(At);

    /// <summary><c>a ~ b ~ c</c></summary>
    public sealed record Concatenation(JinjaPosition At, JinjaExpression[] Parts) : JinjaExpression(At);

    /// <summary><c>a &lt; b &lt;= c</c>: as in Python, every neighbouring pair must hold.</summary>
    public sealed record Comparison(JinjaPosition At, JinjaExpression First, (string Operator, JinjaExpression Operand)[] Rest) : JinjaExpression(At);

    /// <summary><c>a if test else b</c></summary>
    public sealed record Conditional(JinjaPosition At, JinjaExpression Condition, JinjaExpression Then, JinjaExpression? Else) : JinjaExpression(At);

    /// <summary><c>x.name</c></summary>
    public sealed record Attribute(JinjaPosition At, JinjaExpression Target, string Identifier) : JinjaExpression(At);

    /// <summary><c>x[index]</c></summary>
    public sealed record Item(JinjaPosition At, JinjaExpression Target, JinjaExpression Index) : JinjaExpression(At);

    /// <summary><c>start:stop:step</c>, the index of an <see cref="Item"/>.</summary>
    public sealed record Slice(JinjaPosition At, JinjaExpression? Start, JinjaExpression? Stop, JinjaExpression? Step) : JinjaExpression(At);

    public sealed record Call(JinjaPosition At, JinjaExpression Target, JinjaCallSite Arguments) : JinjaExpression(At);

    /// <summary><c>x|name(…)</c>; without input in <c>{% filter %}</c> and <c>{% set x | name %}</c>, where the body is the input.</summary>
    public sealed record Filter(JinjaPosition At, JinjaExpression? Input, string Identifier, JinjaCallSite Arguments) : JinjaExpression(At);

    /// <summary><c>x is name(…)</c></summary>
    public sealed record Test(JinjaPosition At, JinjaExpression Input, string Identifier, JinjaCallSite Arguments) : JinjaExpression(At);
}

/// <summary>The arguments as written: <c>(a, b, name=c, *more, **named)</c>.</summary>
internal sealed record JinjaCallSite(JinjaExpression[] Positional, (string Name, JinjaExpression Value)[] Named, JinjaExpression? More, JinjaExpression? MoreNamed)
{
    public static JinjaCallSite Empty { get; } = new([], [], null, null);
}

/// <summary>What is done rather than evaluated.</summary>
internal abstract record JinjaStatement(JinjaPosition At) : JinjaNode(At)
{
    /// <summary>Template text outside of tags.</summary>
    public sealed record Text(JinjaPosition At, string Content) : JinjaStatement(At);

    /// <summary><c>{{ value }}</c></summary>
    public sealed record Print(JinjaPosition At, JinjaExpression Value) : JinjaStatement(At);

    public sealed record If(JinjaPosition At, (JinjaExpression Test, JinjaStatement[] Body)[] Branches, JinjaStatement[] Else) : JinjaStatement(At);

    public sealed record For(JinjaPosition At, JinjaExpression Target, JinjaExpression Items, JinjaExpression? Test, bool IsRecursive, JinjaStatement[] Body, JinjaStatement[] Else) : JinjaStatement(At);

    public sealed record Set(JinjaPosition At, JinjaExpression Target, JinjaExpression Value) : JinjaStatement(At);

    /// <summary><c>{% set x %}body{% endset %}</c></summary>
    public sealed record SetBlock(JinjaPosition At, JinjaExpression Target, JinjaExpression.Filter? Filter, JinjaStatement[] Body) : JinjaStatement(At);

    /// <summary><c>{% filter name %}body{% endfilter %}</c></summary>
    public sealed record FilterBlock(JinjaPosition At, JinjaExpression.Filter Filter, JinjaStatement[] Body) : JinjaStatement(At);

    public sealed record With(JinjaPosition At, (JinjaExpression Target, JinjaExpression Value)[] Values, JinjaStatement[] Body) : JinjaStatement(At);

    public sealed record Macro(JinjaPosition At, JinjaMacroDefinition Definition) : JinjaStatement(At);

    /// <summary><c>{% call(…) f(…) %}body{% endcall %}</c>: the body becomes the macro <c>caller</c>.</summary>
    public sealed record CallBlock(JinjaPosition At, JinjaExpression.Call Call, JinjaMacroDefinition Caller) : JinjaStatement(At);

    /// <summary><c>{% generation %}</c> of Hugging Face marks what the assistant said; here it only opens a scope.</summary>
    public sealed record Generation(JinjaPosition At, JinjaStatement[] Body) : JinjaStatement(At);

    public sealed record Break(JinjaPosition At) : JinjaStatement(At);

    public sealed record Continue(JinjaPosition At) : JinjaStatement(At);
}

/// <summary>A macro as written. It takes surplus arguments and a caller only where its body names <c>varargs</c>, <c>kwargs</c>, <c>caller</c>.</summary>
internal sealed record JinjaMacroDefinition(string Name, (string Name, JinjaExpression? Default)[] Parameters, JinjaStatement[] Body, bool TakesCaller, bool TakesVarargs, bool TakesKwargs);
