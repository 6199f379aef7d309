using EmbeddedLlm.Grammar.Automata;

namespace EmbeddedLlm.Grammar.Schemas;

/// <summary>An array shape, ready to be written.</summary>
internal sealed class ArraySpec
{
    /// <summary>
    /// The rules of an item at each of the first places and, last, at all others; of each place one for each set of <see cref="Wanted"/>
    /// that the item belongs to.
    /// </summary>
    public required Rule[][] Items { get; init; }

    public required int Min { get; init; }

    public required int Max { get; init; }

    /// <summary>How many items of each set of <c>contains</c> there must and may be; at most two.</summary>
    public required (int Min, int Max)[] Wanted { get; init; }

    public required Expr Space { get; init; }

    public Rule[] At(int index) => Items[Math.Min(index, Items.Length - 1)];
}
