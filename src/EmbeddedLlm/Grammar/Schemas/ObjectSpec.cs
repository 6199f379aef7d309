using EmbeddedLlm.Grammar.Automata;

namespace EmbeddedLlm.Grammar.Schemas;

/// <summary>An object shape, ready to be written: the spellings of its names and the rules of its values.</summary>
internal sealed class ObjectSpec
{
    public required IReadOnlyList<(byte[] Name, Rule Value, bool IsRequired)> Named { get; init; }

    public required IReadOnlyList<(Expr Keys, Rule Value)> Others { get; init; }

    public required int Min { get; init; }

    public required int Max { get; init; }

    public required bool AllowAnyOrder { get; init; }

    public required Expr Space { get; init; }
}
