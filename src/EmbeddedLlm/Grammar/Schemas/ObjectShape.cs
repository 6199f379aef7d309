using EmbeddedLlm.Grammar.Automata;

namespace EmbeddedLlm.Grammar.Schemas;

/// <summary>Objects of one kind: what holds of named properties, and of the others by the kind of their name.</summary>
internal sealed record ObjectShape
{
    /// <summary>Named properties, in the order of the schema.</summary>
    public IReadOnlyList<KeyValuePair<string, SchemaSet>> Named { get; init; } = [];

    /// <summary>Other properties: disjoint sets of names with what holds of each. A name in none of them may not come.</summary>
    public IReadOnlyList<(Expr Keys, SchemaSet Value)> Others { get; init; } = [];

    public IReadOnlyList<string> Required { get; init; } = [];

    public int Min { get; init; }

    public int Max { get; init; } = -1;

    /// <summary>Names that some schema looked at, for unevaluatedProperties. Null: all.</summary>
    public IReadOnlyList<Expr>? Evaluated { get; init; } = [];
}
