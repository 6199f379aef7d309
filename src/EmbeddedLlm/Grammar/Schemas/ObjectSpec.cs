using EmbeddedLlm.Grammar.Automata;

namespace EmbeddedLlm.Grammar.Schemas;

/// <summary>An object shape, ready to be written: the spellings of its names and the rules of its values.</summary>
internal sealed class ObjectSpec
{
    /// <summary>Names with what ends them.</summary>
    public required IReadOnlyList<(byte[] Name, Rule Value, bool IsRequired)> Named { get; init; }

    /// <summary>Other names, with what ends them.</summary>
    public required IReadOnlyList<(Expr Keys, Rule Value)> Others { get; init; }

    public required int Min { get; init; }

    public required int Max { get; init; }

    public required bool AllowAnyOrder { get; init; }

    /// <summary>Stands between the name of a member and its value.</summary>
    public required Expr BeforeValue { get; init; }

    public required ValueSpelling Spelling { get; init; }
}
