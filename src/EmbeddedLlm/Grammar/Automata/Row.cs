namespace EmbeddedLlm.Grammar.Automata;

/// <summary>
/// The state of a constraint after some text: everything that may come next. Rows never change, so a state is cloned or taken back by
/// keeping the reference. What is known of a row is cached in it and guarded by the lock of its automaton.
/// </summary>
internal sealed class Row(Item[] items, bool isAccepting)
{
    /// <summary>Sorted by continuation.</summary>
    public Item[] Items { get; } = items;

    /// <summary>Whether the text may end here.</summary>
    public bool IsAccepting { get; } = isAccepting;

    /// <summary>Whether no text leads anywhere from here.</summary>
    public bool IsDead { get; } = items.Length == 0 && !isAccepting;

    /// <summary>The items, and those of the rules that may come first in them.</summary>
    public Item[]? Closure { get; set; }

    /// <summary>The tokens that are asked for by themselves.</summary>
    public (TokenSet Tokens, Item Then)[] TokenItems { get; set; } = [];

    public Transitions<Row>? Next { get; set; }

    public ulong[]? Mask { get; set; }

    /// <summary>The number of caches that were emptied before this row's were filled.</summary>
    public int Generation { get; set; }
}
