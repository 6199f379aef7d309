namespace EmbeddedLlm.Chat.Syntax;

/// <summary>A piece of an answer that has been understood.</summary>
internal abstract record AnswerPart
{
    /// <summary>What the model says to the user.</summary>
    public sealed record Text(string Value) : AnswerPart;

    /// <summary>What the model thinks before it speaks.</summary>
    public sealed record Reasoning(string Value) : AnswerPart;

    /// <summary>A call of a tool, whole.</summary>
    public sealed record Call(ToolCall Value) : AnswerPart;
}
