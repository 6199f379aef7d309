namespace EmbeddedLlm.Chat.Syntax;

/// <summary>Tells a call that stands at the beginning of an answer, without any mark, from text that only looks like one.</summary>
internal static class BareCalls
{
    // What may stand between brace and name.
    private static readonly string[] Types = ["\"type\":\"function\",\"name\":\"", "\"type\":\"function\",\"function\":\"", "\"name\":\"", "\"function\":\""];

    /// <summary>Whether the rest from an offset begins a call of an offered tool; null where more text must come first.</summary>
    public static bool? Begin(BareCall kind, AnswerText text, int offset, OfferedTools tools) => kind switch
    {
        BareCall.Json => Any(Types.SelectMany(_ => tools.Names, (type, name) => $"{{{type}{name}\""), text, offset),
        BareCall.Pythonic => Any(tools.Names.Select(name => $"[{name}("), text, offset),
        _ => false,
    };

    private static bool? Any(IEnumerable<string> beginnings, AnswerText text, int offset)
    {
        bool? any = false;
        foreach (var beginning in beginnings)
        {
            switch (Matches(text.Rest[offset..], beginning))
            {
                case true:
                    return true;
                case null when !text.HasEnded:
                    any = null;
                    break;
            }
        }

        return any;
    }

    // As if the text had no blanks; the texts compared with have none where blanks count.
    private static bool? Matches(ReadOnlySpan<char> text, string beginning)
    {
        var matched = 0;
        foreach (var c in text)
        {
            if (matched == beginning.Length)
                break;
            if (c == beginning[matched])
                matched++;
            else if (!char.IsWhiteSpace(c))
                return false;
        }

        return matched == beginning.Length ? true : null;
    }
}
