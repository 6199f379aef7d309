namespace EmbeddedLlm.Chat.Syntax;

/// <summary>
/// Takes the text of an answer as it streams in and gives back its parts as soon as they are certain. How the text was cut into pieces
/// changes nothing in the parts but how often text and reasoning are cut.
/// </summary>
internal abstract class AnswerParser(ChatSyntax syntax)
{
    /// <summary>Whether what comes next is reasoning, as far as is known.</summary>
    public bool IsReasoning => Writer.IsReasoning;

    /// <summary>What is not read yet.</summary>
    protected AnswerText Text { get; } = new();

    /// <summary>Takes the parts.</summary>
    protected AnswerWriter Writer { get; } = new(syntax.KeepsReasoningEnd, syntax.KeepsTextEnd);

    /// <summary>
    /// Takes the beginning of the answer where the prompt has written it, before all pieces. It is not given out, but where it begins a call that the model ends.
    /// </summary>
    public void Begin(string prefill)
    {
        if (prefill.Length == 0)
            return;
        Text.AppendPrefill(prefill);
        Writer.Prefill = Text.PrefillIn;
        while (TryStep())
        {
        }

        Writer.TakeParts(); // calls that it holds whole
    }

    /// <summary>Takes a piece of the answer.</summary>
    public AnswerPart[] Append(string piece)
    {
        Text.Append(piece);
        while (TryStep())
        {
        }

        return Writer.TakeParts();
    }

    /// <summary>No more text will come: what was held back is text, or a call that is broken.</summary>
    public AnswerPart[] End()
    {
        Text.End();
        while (TryStep())
        {
        }

        Writer.End();
        return Writer.TakeParts();
    }

    /// <summary>
    /// Writes the text before a marker, which is not read. False while none is found; at the end of the answer all is written, and the marker is -1.
    /// </summary>
    protected bool TryAppendUntil(MarkerSet markers, out int marker)
    {
        (var before, marker) = markers.Search(Text);
        if (before > 0)
            Writer.Append(Text.Take(before));
        if (marker >= 0)
            return true;
        if (!Text.HasEnded || Text.IsOver)
            return false;
        Writer.Append(Text.Take(Text.Rest.Length));
        return true;
    }

    /// <summary>Reads something, or goes into another state. False where more text must come first, or nothing is left.</summary>
    protected abstract bool TryStep();
}
