namespace EmbeddedLlm.Grammar.Text;

/// <summary>A regular expression, read but not yet compiled.</summary>
internal abstract record RegexNode
{
    /// <summary>One character of a set.</summary>
    internal sealed record Set(CodePoints Characters) : RegexNode;

    internal sealed record Sequence(IReadOnlyList<RegexNode> Parts) : RegexNode;

    internal sealed record Choice(IReadOnlyList<RegexNode> Parts) : RegexNode;

    internal sealed record Repeat(RegexNode Body, int Min, int Max) : RegexNode;

    /// <summary>The beginning of the text.</summary>
    internal sealed record Start : RegexNode;

    /// <summary>The end of the text.</summary>
    internal sealed record End : RegexNode;

    /// <summary>What must, or must not, follow.</summary>
    internal sealed record Look(RegexNode Body, bool IsNegated) : RegexNode;
}
