namespace EmbeddedLlm.Chat.Syntax;

/// <summary>Answers of several messages, each with a header that says whom it is for: the user, the model itself, or a tool.</summary>
internal sealed record MessageSyntax : ChatSyntax
{
    /// <summary>The mark before a header.</summary>
    public required string Start { get; init; }

    /// <summary>The mark behind a header.</summary>
    public required string HeaderEnd { get; init; }

    /// <summary>The marks that end a message.</summary>
    public required string[] Ends { get; init; }

    /// <summary>What stands before the header of a message that follows another; the prompt has written it before the first.</summary>
    public required string Next { get; init; }

    /// <summary>The header of a message to the user.</summary>
    public required string TextHeader { get; init; }

    /// <summary>The header of text before calls; null for the same.</summary>
    public string? PreambleHeader { get; init; }

    /// <summary>Stands before the name of a tool in the header of a message that has <see cref="Body"/> in it.</summary>
    public string BeforeTool { get; init; } = "";

    /// <summary>Reads a header.</summary>
    public required Func<string, MessageTarget> Target { get; init; }

    /// <summary>How calls stand in a message to a tool; null where the message is the arguments as JSON.</summary>
    public ParameterCalls? Body { get; init; }

    public override IEnumerable<string> Markers => [.. base.Markers, Start, HeaderEnd, .. Ends];

    // Text without a header is for the user.
    public override string Prefill(string text, OfferedTools tools)
    {
        var at = text.IndexOf(HeaderEnd, StringComparison.Ordinal);
        var hasHeader = at >= 0 && (!string.IsNullOrWhiteSpace(HeaderEnd) || text.StartsWith(TextHeader, StringComparison.Ordinal) || tools.Names.Contains(text[..at]));
        return hasHeader ? text : TextHeader + text;
    }

    public override AnswerParser CreateParser(bool isReasoning, OfferedTools tools) => new MessageParser(this, tools);
}
