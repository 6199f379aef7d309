namespace EmbeddedLlm.Chat.Syntax;

/// <summary>Answers of plain text, in which marks set off reasoning and calls. Most families write like this.</summary>
internal sealed record MarkedSyntax : ChatSyntax
{
    /// <summary>Marks that are no text of the answer.</summary>
    public string[] Noise { get; init; } = [];

    /// <summary>Marks that are no text of the answer where tools are offered.</summary>
    public string[] CallNoise { get; init; } = [];

    /// <summary>Whether reasoning may begin anywhere, as where its marks are tokens of their own; else only at the beginning.</summary>
    public bool ReasonsAnywhere { get; init; }

    /// <summary>Whether a call ends reasoning; else reasoning may talk about calls.</summary>
    public bool CallsEndReasoning { get; init; }

    /// <summary>Whether the first form of calls may stand at the beginning of an answer without its trigger.</summary>
    public BareCall BareCall { get; init; }

    public override IEnumerable<string> Markers => [.. base.Markers, .. Noise, .. CallNoise];

    public override AnswerParser CreateParser(bool isReasoning, OfferedTools tools) => new MarkedParser(this, isReasoning, tools);
}
