using System.Text;

namespace EmbeddedLlm.Chat.Syntax;

/// <summary>Reads one object of a style as it streams in.</summary>
internal sealed class ObjectReader(LiteralStyle style)
{
    private readonly Nesting _nesting = new(style);
    private readonly StringBuilder _block = new();

    /// <summary>Whether an object was there; where reading ended without one, the text is still there.</summary>
    public bool HasBegun { get; private set; }

    /// <summary>The object as JSON, as far as it came.</summary>
    public string Json { get; private set; } = "";

    /// <summary>Why it is none; null where it is one.</summary>
    public string? Problem { get; private set; }

    /// <summary>Goes on reading. False where more text must come first. Text that begins no object is left where it is.</summary>
    public bool TryRead(AnswerText text)
    {
        if (!HasBegun)
        {
            var blanks = text.Blanks();
            if (blanks == text.Rest.Length && !text.HasEnded)
                return false;
            if (blanks == text.Rest.Length || text.Rest[blanks] != '{')
            {
                Problem = text.HasEnded && blanks == text.Rest.Length ? ToolCall.Cut : "The call has no arguments.";
                return true;
            }

            text.Take(blanks);
            HasBegun = true;
        }

        var isWhole = _nesting.TryTake(text, _block);
        if (!isWhole && !text.HasEnded)
            return false;
        var json = new StringBuilder();
        if (!new LiteralReader(_block.ToString(), style).TryValue(json))
            Problem = isWhole ? "The arguments are not written as the format asks for." : ToolCall.Cut;
        Json = json.ToString();
        return true;
    }
}
