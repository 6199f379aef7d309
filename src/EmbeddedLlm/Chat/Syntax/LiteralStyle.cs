namespace EmbeddedLlm.Chat.Syntax;

/// <summary>How values are written in a format of calls.</summary>
/// <param name="Quotes">What begins and ends strings.</param>
/// <param name="HasEscapes">Whether a backslash escapes in strings.</param>
/// <param name="HasBareKeys">Whether keys of objects may stand without quotes.</param>
/// <param name="IsPython">Whether Python's words and tuples are values.</param>
internal sealed record LiteralStyle(string[] Quotes, bool HasEscapes, bool HasBareKeys = false, bool IsPython = false)
{
    /// <summary>JSON; line ends and tabs may stand in strings, as models write them.</summary>
    public static readonly LiteralStyle Json = new(["\""], HasEscapes: true);

    /// <summary>Python, in which models also write JSON's words.</summary>
    public static readonly LiteralStyle Python = new(["\"", "'"], HasEscapes: true, IsPython: true);

    /// <summary>Gemma's, whose quote is a token of its own.</summary>
    public static readonly LiteralStyle Gemma = new(["<|\"|>"], HasEscapes: false, HasBareKeys: true);
}
