using System.Text;

namespace EmbeddedLlm.Chat.Syntax;

/// <summary>Follows brackets and quotes through text that streams in, to find where the first bracket closes.</summary>
internal sealed class Nesting(LiteralStyle style)
{
    private int _depth;
    private string? _quote;
    private bool _isEscaped;

    /// <summary>Moves text up to the bracket that closes the first one, with it. False while that has not come.</summary>
    public bool TryTake(AnswerText text, StringBuilder to)
    {
        var rest = text.Rest;
        var i = 0;
        for (var isClosed = false; i < rest.Length && !isClosed;)
        {
            var length = _quote is null ? Outside(text, i, out isClosed) : Inside(text, i, _quote);
            if (length == 0)
                break; // a quote of several characters has begun
            i += length;
            if (isClosed)
            {
                to.Append(text.Take(i));
                return true;
            }
        }

        to.Append(text.Take(i));
        return false;
    }

    // Both give the number of characters that are decided at a place.
    private int Outside(AnswerText text, int at, out bool isClosed)
    {
        isClosed = false;
        var c = text.Rest[at];
        if (c is '{' or '[' or '(')
            _depth++;
        else if (c is '}' or ']' or ')')
            isClosed = --_depth <= 0;
        else
            return Quote(text, at);
        return 1;
    }

    private int Quote(AnswerText text, int at)
    {
        foreach (var quote in style.Quotes)
        {
            switch (text.StartsWith(at, quote))
            {
                case true:
                    _quote = quote;
                    return quote.Length;
                case null:
                    return 0;
            }
        }

        return 1;
    }

    private int Inside(AnswerText text, int at, string quote)
    {
        if (_isEscaped || (style.HasEscapes && text.Rest[at] == '\\'))
        {
            _isEscaped = !_isEscaped;
            return 1;
        }

        switch (text.StartsWith(at, quote))
        {
            case true:
                _quote = null;
                return quote.Length;
            case null:
                return 0;
            default:
                return 1;
        }
    }
}
