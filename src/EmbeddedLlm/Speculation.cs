namespace EmbeddedLlm;

/// <summary>
/// Where drafts come from: guesses of several tokens that the model verifies in one step, for little more time than one token takes. Answers are
/// the same, token for token, with and without.
/// </summary>
public enum Speculation
{
    /// <summary>No drafts: every step gives one token.</summary>
    Off,

    /// <summary>From the text itself: what followed the last time that it ended as it does now. Quotations, extractions and edits of the prompt become faster.</summary>
    NGram,
}
