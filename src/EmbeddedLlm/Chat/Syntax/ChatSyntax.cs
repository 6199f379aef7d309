namespace EmbeddedLlm.Chat.Syntax;

/// <summary>How a family of models writes its answers: where reasoning stands, and how tools are called.</summary>
internal abstract record ChatSyntax
{
    /// <summary>What the family is called here.</summary>
    public required string Name { get; init; }

    /// <summary>The ways to call tools that are understood; the first is the one to ask for.</summary>
    public required IReadOnlyList<CallForm> Calls { get; init; }

    /// <summary>The text with which reasoning begins.</summary>
    public required string ReasoningStart { get; init; }

    /// <summary>The texts that end reasoning; the first is the usual one.</summary>
    public required string[] ReasoningEnds { get; init; }

    /// <summary>Whether blanks at the end of reasoning belong to it.</summary>
    public bool KeepsReasoningEnd { get; init; }

    /// <summary>Whether blanks between text and a call behind it belong to the text.</summary>
    public bool KeepsTextEnd { get; init; }

    /// <summary>All texts that mean something, so that tokens which write them must not be lost.</summary>
    public virtual IEnumerable<string> Markers => [ReasoningStart, .. ReasoningEnds, .. Calls.SelectMany(call => call.Markers)];

    /// <summary>Whether an answer to this prompt begins within reasoning.</summary>
    public bool IsReasoning(string prompt) => prompt.AsSpan().TrimEnd().EndsWith(ReasoningStart.AsSpan().TrimEnd());

    /// <summary>The beginning of an answer as it stands behind a prompt.</summary>
    /// <param name="text">The beginning as the caller wrote it.</param>
    /// <param name="tools">The tools that the prompt offers.</param>
    public virtual string Prefill(string text, OfferedTools tools) => text;

    /// <summary>A parser for one answer.</summary>
    /// <param name="isReasoning">Whether the prompt has begun the reasoning.</param>
    /// <param name="tools">The tools that the prompt offers.</param>
    public abstract AnswerParser CreateParser(bool isReasoning, OfferedTools tools);
}
