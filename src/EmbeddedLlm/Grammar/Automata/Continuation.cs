namespace EmbeddedLlm.Grammar.Automata;

/// <summary>
/// What follows when a rule is done: the places that called it. Several callers share one where the text so far leaves open which it was,
/// so it is a node of a stack that forks and joins (Tomita 1985). A rule that calls itself on the left points at itself.
/// </summary>
internal sealed class Continuation(int id)
{
    public int Id { get; } = id;

    /// <summary>What is left of each caller, and what follows that. Null while callers are being collected.</summary>
    public Item[]? Frames { get; set; }

    // Scratch of the row that is being built.
    public int Stamp { get; set; }

    public int Slot { get; set; }
}
