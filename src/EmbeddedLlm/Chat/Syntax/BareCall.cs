namespace EmbeddedLlm.Chat.Syntax;

/// <summary>How calls may stand at the beginning of an answer, or anywhere, without their trigger.</summary>
internal enum BareCall
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>An answer that begins with a JSON object which names an offered tool.</summary>
    Json,

    /// <summary>An answer that begins with a bracket and the name of an offered tool.</summary>
    Pythonic,

    /// <summary>The mark of a call with the name of an offered tool, anywhere.</summary>
    Named,
}
