using EmbeddedLlm.Grammar.Automata;

namespace EmbeddedLlm.Grammar.Schemas;

/// <summary>How values are written: as JSON, or in a form in which models write the arguments of tools.</summary>
/// <param name="Name">Tells the rules of one spelling from those of another.</param>
internal sealed record ValueSpelling(string Name)
{
    /// <summary>The words for null, true and false.</summary>
    public string Null { get; init; } = "null";

    public string True { get; init; } = "true";

    public string False { get; init; } = "false";

    /// <summary>Stands before a string.</summary>
    public required Expr StringStart { get; init; }

    /// <summary>Stands behind a string.</summary>
    public required Expr StringEnd { get; init; }

    /// <summary>The text that ends a string in which nothing is escaped; null where strings are escaped as in JSON.</summary>
    public string? RawEnd { get; init; }

    /// <summary>Whether a free string may use every escape of JSON.</summary>
    public bool HasFreeEscapes { get; init; }

    /// <summary>Stands before a value that is no string.</summary>
    public required Expr OtherStart { get; init; }

    /// <summary>Stand around an object.</summary>
    public required Expr ObjectStart { get; init; }

    public required Expr ObjectEnd { get; init; }

    /// <summary>Stands before the name of a member.</summary>
    public required Expr NameStart { get; init; }

    /// <summary>Ends the name of a member; names are escaped as in JSON where this is a quotation mark, else they are words.</summary>
    public required string NameEnd { get; init; }

    /// <summary>Stands behind the value of a member.</summary>
    public required Expr ValueEnd { get; init; }

    /// <summary>Stands between members.</summary>
    public required Expr Between { get; init; }

    /// <summary>How the values of members and items are written; null for the same way.</summary>
    public ValueSpelling? Values { get; init; }

    /// <summary>Whether names are written as in JSON.</summary>
    public bool HasQuotedNames => NameEnd.StartsWith('"');

    /// <summary>JSON.</summary>
    /// <param name="pool">Makes the parts.</param>
    /// <param name="space">What may stand where JSON allows white space.</param>
    public static ValueSpelling Json(ExprPool pool, Expr space)
    {
        var quote = pool.Literal("\""u8);
        return new("json")
        {
            StringStart = quote,
            StringEnd = quote,
            HasFreeEscapes = true,
            OtherStart = pool.Empty,
            ObjectStart = pool.Seq(pool.Literal("{"u8), space),
            ObjectEnd = pool.Literal("}"u8),
            NameStart = quote,
            NameEnd = "\":",
            ValueEnd = space,
            Between = pool.Seq(pool.Literal(","u8), space),
        };
    }
}
