namespace EmbeddedLlm.Grammar.Automata;

/// <summary>
/// An expression with a state of its own, such as the members of an object that are still to come. It is written out one step at a time,
/// so that a count of a million costs what is walked of it. Equal forms are one expression.
/// </summary>
internal abstract record Form
{
    /// <summary>Whether it matches the empty text.</summary>
    public abstract bool IsNullable { get; }

    /// <summary>Whether it matches any text at all, judged by its rules so far.</summary>
    public abstract bool IsProductive { get; }

    /// <summary>Writes it out, up to the next form.</summary>
    public abstract Expr Expand(ExprPool pool);
}
