using EmbeddedLlm.Grammar.Automata;

namespace EmbeddedLlm.Grammar.Schemas;

/// <summary>The values that a schema allows, type by type: sets of texts for scalars, alternatives of shapes for the others.</summary>
internal sealed record JsonValues
{
    public bool Null { get; init; }

    public bool True { get; init; }

    public bool False { get; init; }

    public required Expr Numbers { get; init; }

    /// <summary>Whether all numbers are integers, which are written without a fraction.</summary>
    public bool AreIntegers { get; init; }

    /// <summary>Strings, without their quotes.</summary>
    public required Expr Strings { get; init; }

    public IReadOnlyList<ObjectShape> Objects { get; init; } = [];

    public IReadOnlyList<ArrayShape> Arrays { get; init; } = [];
}
