using System.Text;

namespace EmbeddedLlm.Chat.Syntax;

/// <summary>Reads a block of calls as it streams in.</summary>
internal abstract class CallReader(CallForm form, string trigger)
{
    private bool _hasCalls;

    /// <summary>What has been read of the call at hand.</summary>
    protected StringBuilder Block { get; } = new();

    /// <summary>Goes on reading. True when the block is over; false where more text must come first.</summary>
    public abstract bool TryRead(AnswerText text, AnswerWriter writer);

    /// <summary>Gives out a call that the model finished; broken if its arguments are no JSON object.</summary>
    protected void Finish(AnswerWriter writer, string name, string arguments, string? id = null) =>
        Add(writer, new(name, arguments, id, ToolCall.ProblemOf(arguments)));

    /// <summary>Gives out a call.</summary>
    protected void Add(AnswerWriter writer, ToolCall call)
    {
        _hasCalls = true;
        writer.Add(call);
    }

    /// <summary>What was read is no call: it goes back into the text, if no call of the block came before it.</summary>
    protected void GiveBack(AnswerWriter writer)
    {
        if (!_hasCalls)
            writer.Append(trigger + Block);
        Block.Clear();
    }

    /// <summary>
    /// Reads closers, and blanks before them, as long as there are some. Null where more text must come first; then whether one of
    /// <paramref name="next"/> follows behind blanks, which are read if so.
    /// </summary>
    protected bool? Close(AnswerText text, params ReadOnlySpan<char> next)
    {
        while (true)
        {
            var blanks = text.Blanks();
            if (blanks == text.Rest.Length)
                return text.HasEnded ? false : null;

            var closer = 0;
            foreach (var candidate in form.Closers)
            {
                switch (text.StartsWith(blanks, candidate))
                {
                    case true when closer == 0:
                        closer = candidate.Length;
                        break;
                    case null when closer == 0:
                        return null;
                }
            }

            if (closer == 0)
            {
                if (!next.Contains(text.Rest[blanks]))
                    return false;
                text.Take(blanks);
                return true;
            }

            text.Take(blanks + closer);
        }
    }
}
