namespace EmbeddedLlm.Chat.Syntax;

/// <summary>Reads answers of a <see cref="MarkedSyntax"/>.</summary>
internal sealed class MarkedParser : AnswerParser
{
    private enum State
    {
        Beginning,
        BeginningOfReasoning,
        Reasoning,
        Text,
        Calls,
    }

    private sealed record Mark(string Text, Action Apply, bool IsRead = true);

    private readonly MarkedSyntax _syntax;
    private readonly OfferedTools _tools;
    private readonly Mark[] _textMarks;
    private readonly Mark[] _reasoningMarks;
    private readonly MarkerSet _inText;
    private readonly MarkerSet _inReasoning;
    private State _state;
    private bool _mayReason = true;
    private CallReader? _reader;

    public MarkedParser(MarkedSyntax syntax, bool isReasoning, OfferedTools tools)
        : base(syntax)
    {
        _syntax = syntax;
        _tools = tools;
        Mark[] calls = tools.IsEmpty ? [] : [.. syntax.Calls.SelectMany(CallMarks)];
        IEnumerable<string> noise = [.. syntax.Noise, .. tools.IsEmpty ? [] : syntax.CallNoise];
        _textMarks = [.. calls, .. syntax.ReasonsAnywhere ? [new Mark(syntax.ReasoningStart, BeginReasoning)] : Array.Empty<Mark>(), .. noise.Select(text => new Mark(text, () => { }))];
        _reasoningMarks = [.. syntax.ReasoningEnds.Select(text => new Mark(text, EndReasoning)), .. syntax.CallsEndReasoning ? calls : []];
        _inText = new(_textMarks.Select(mark => mark.Text));
        _inReasoning = new(_reasoningMarks.Select(mark => mark.Text));
        if (!isReasoning)
            return;
        BeginReasoning();
        _state = State.BeginningOfReasoning;
    }

    protected override bool TryStep() => _state switch
    {
        State.Beginning => TryBegin(),
        State.BeginningOfReasoning => TryBeginAgain(),
        State.Reasoning => TryAppend(_inReasoning, _reasoningMarks),
        State.Text => TryAppend(_inText, _textMarks),
        _ => TryReadCalls(),
    };

    private IEnumerable<Mark> CallMarks(CallForm form)
    {
        yield return new(form.Trigger, () => BeginCalls(form, form.Trigger));
        if (_syntax.BareCall != BareCall.Named || form is not ParameterCalls parameters)
            yield break;
        foreach (var name in _tools.Names)
            yield return new(parameters.CallMark + name + parameters.NameEnd, () => BeginCalls(form, ""), IsRead: false);
    }

    private void BeginReasoning()
    {
        Writer.BeginReasoning();
        (_state, _mayReason) = (State.Reasoning, false);
    }

    private void EndReasoning()
    {
        Writer.EndReasoning();
        _state = State.Beginning;
    }

    private void BeginCalls(CallForm form, string trigger)
    {
        if (Writer.IsReasoning)
            Writer.EndReasoning();
        _reader = form.CreateReader(_tools, trigger);
        _state = State.Calls;
    }

    private bool TryBegin()
    {
        var blanks = Text.Blanks();
        if (blanks == Text.Rest.Length && !Text.HasEnded)
            return false;
        if (_mayReason)
        {
            switch (Text.TryTake(_syntax.ReasoningStart))
            {
                case null:
                    return false;
                case true:
                    BeginReasoning();
                    return true;
            }
        }

        switch (_tools.IsEmpty ? false : BareCalls.Begin(_syntax.BareCall, Text, blanks, _tools))
        {
            case null:
                return false;
            case true:
                BeginCalls(_syntax.Calls[0], "");
                return true;
        }

        _state = State.Text;
        return true;
    }

    // Models trained to write the mark write it although the prompt has done so.
    private bool TryBeginAgain()
    {
        if (Text.TryTake(_syntax.ReasoningStart) is null)
            return false;
        _state = State.Reasoning;
        return true;
    }

    private bool TryAppend(MarkerSet set, Mark[] marks)
    {
        if (!TryAppendUntil(set, out var marker))
            return false;
        if (marker < 0)
            return true;

        var mark = marks[marker];
        if (mark.IsRead)
            Text.Take(mark.Text.Length);
        mark.Apply();
        return true;
    }

    private bool TryReadCalls()
    {
        if (!_reader!.TryRead(Text, Writer))
            return false;
        (_reader, _state) = (null, State.Text);
        return true;
    }
}
