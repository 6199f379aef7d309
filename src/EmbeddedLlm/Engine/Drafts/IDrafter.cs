namespace EmbeddedLlm.Engine.Drafts;

/// <summary>Guesses how sequences go on. A wrong guess costs time and nothing else: the model has the last word on every token.</summary>
internal interface IDrafter
{
    /// <summary>Appends to the draft of each sequence as many tokens as it has room for, or fewer, or none.</summary>
    void Draft(ReadOnlySpan<Sequence> sequences);

    /// <summary>Gives up what is kept for a sequence that stops running; it may come again.</summary>
    void Close(Sequence sequence);
}
