using EmbeddedLlm.Chat.Syntax;
using EmbeddedLlm.Grammar;
using EmbeddedLlm.Grammar.Schemas;

namespace EmbeddedLlm.Chat.Constraints;

/// <summary>How the arguments of calls are written in each format.</summary>
internal sealed class ArgumentSpellings(ConstraintBuilder builder, ConstraintOptions options)
{
    /// <summary>The spelling of a form's arguments, all of them as one object.</summary>
    public ValueSpelling Of(ArgumentShape shape) => shape switch
    {
        ArgumentShape.Literal({ HasBareKeys: true } style) => Bare(style),
        ArgumentShape.Literal => builder.Json(options),
        ArgumentShape.Keywords => Keywords(),
        ArgumentShape.Parameters parameters => Parameters(parameters),
        _ => throw new InvalidOperationException($"There is no spelling for {shape}."),
    };

    private ValueSpelling Bare(LiteralStyle style)
    {
        var quote = builder.Mark(style.Quotes[0]);
        return new(nameof(Bare))
        {
            StringStart = quote,
            StringEnd = quote,
            RawEnd = style.Quotes[0],
            OtherStart = builder.Pool.Empty,
            ObjectStart = builder.Text("{"),
            ObjectEnd = builder.Text("}"),
            NameStart = builder.Pool.Empty,
            NameEnd = ":",
            ValueEnd = builder.Pool.Empty,
            Between = builder.Text(","),
        };
    }

    private ValueSpelling Keywords()
    {
        var python = builder.Json(options) with { Name = "Python", Null = "None", True = "True", False = "False", HasFreeEscapes = false };
        return python with
        {
            Name = nameof(Keywords),
            ObjectStart = builder.Pool.Empty,
            ObjectEnd = builder.Pool.Empty,
            NameStart = builder.Pool.Empty,
            NameEnd = "=",
            ValueEnd = builder.Pool.Empty,
            Between = builder.Text(", "),
            Values = python,
        };
    }

    private ValueSpelling Parameters(ArgumentShape.Parameters shape)
    {
        var json = builder.Json(options);
        var value = json with
        {
            Name = "value",
            StringStart = builder.CallMark(shape.BeforeText),
            StringEnd = builder.Pool.Empty,
            RawEnd = shape.ValueEnd,
            OtherStart = builder.CallMark(shape.BeforeOther),
            Values = json,
        };
        return value with
        {
            Name = nameof(Parameters),
            ObjectStart = builder.Pool.Empty,
            ObjectEnd = builder.Pool.Empty,
            NameStart = builder.Mark(shape.BeforeName),
            NameEnd = "",
            OtherStart = builder.Pool.Empty,
            ValueEnd = builder.Mark(shape.AfterValue),
            Between = builder.Pool.Empty,
            Values = value,
        };
    }
}
