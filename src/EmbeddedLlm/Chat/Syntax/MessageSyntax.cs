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

    /// <summary>Reads a header.</summary>
    public required Func<string, MessageTarget> Target { get; init; }

    /// <summary>How calls stand in a message to a tool; null where the message is the arguments as JSON.</summary>
    public ParameterCalls? Body { get; init; }

    public override IEnumerable<string> Markers => [.. base.Markers, Start, HeaderEnd, .. Ends];

    public override AnswerParser CreateParser(bool isReasoning, OfferedTools tools) => new MessageParser(this, tools);
}
