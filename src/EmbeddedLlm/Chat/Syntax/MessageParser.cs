using System.Text;

namespace EmbeddedLlm.Chat.Syntax;

/// <summary>Reads answers of a <see cref="MessageSyntax"/>. The prompt has begun the first header.</summary>
internal sealed class MessageParser : AnswerParser
{
    private enum State
    {
        Header,
        Text,
        BeforeCall,
        Call,
        Arguments,
        OtherArguments,
        AfterMessage,
    }

    private readonly MessageSyntax _syntax;
    private readonly OfferedTools _tools;
    private readonly MarkerSet _headerEnd;
    private readonly MarkerSet _ends;
    private readonly StringBuilder _held = new();
    private State _state;
    private string _tool = "";
    private CallReader? _reader;
    private ObjectReader? _arguments;

    public MessageParser(MessageSyntax syntax, OfferedTools tools)
        : base(syntax)
    {
        _syntax = syntax;
        _tools = tools;
        _headerEnd = new(syntax.HeaderEnd);
        _ends = new([.. syntax.Ends, syntax.Start]);
    }

    protected override bool TryStep() => _state switch
    {
        State.Header => TryHeader(),
        State.Text => TryText(),
        State.BeforeCall => TryBeginCall(),
        State.Call => TryCall(),
        State.Arguments => TryArguments(),
        State.OtherArguments => TryOtherArguments(),
        _ => TryEndMessage(),
    };

    private bool TryHeader()
    {
        if (!_headerEnd.TryTakeUntil(Text, _held, out var marker))
            return false;
        var header = TakeHeld();
        if (marker < 0)
            return false; // an answer that ended within a header said nothing

        var target = _syntax.Target(header);
        if (target.Tool is { } tool)
        {
            (_tool, _state) = (tool, _syntax.Body is null ? State.Arguments : State.BeforeCall);
            _arguments = new(LiteralStyle.Json);
            return true;
        }

        if (target.IsReasoning)
            Writer.BeginReasoning();
        _state = State.Text;
        return true;
    }

    private bool TryText()
    {
        if (!TryAppendUntil(_ends, out var marker))
            return false;
        if (marker < 0)
            return true;

        if (Writer.IsReasoning)
            Writer.EndReasoning();
        _state = State.AfterMessage;
        return true;
    }

    private bool TryBeginCall()
    {
        switch (Text.TryTake(_syntax.Body!.Trigger))
        {
            case null:
                return false;
            case true:
                _reader = _syntax.Body.CreateReader(_tools, _syntax.Body.Trigger);
                _state = State.Call;
                return true;
            default:
                _state = State.Arguments; // not as asked for, but perhaps JSON
                return true;
        }
    }

    private bool TryCall()
    {
        if (!_reader!.TryRead(Text, Writer))
            return false;
        _state = State.AfterMessage;
        return true;
    }

    private bool TryArguments()
    {
        if (!_arguments!.TryRead(Text))
            return false;
        if (!_arguments.HasBegun)
        {
            _state = State.OtherArguments;
            return true;
        }

        Add(_arguments.Json, _arguments.Problem);
        _state = State.AfterMessage;
        return true;
    }

    private bool TryOtherArguments()
    {
        if (!_ends.TryTakeUntil(Text, _held, out var marker))
            return false;
        var arguments = TakeHeld();
        Add(arguments, arguments.Length == 0 ? ToolCall.Cut : "The arguments are no JSON object.");
        _state = marker < 0 ? State.AfterMessage : State.Header;
        return true;
    }

    private void Add(string arguments, string? problem) =>
        Writer.Add(new(_tool, arguments, Problem: _tools.IsEmpty ? "No tools were offered." : problem ?? ToolCall.ProblemOf(arguments)));

    // What stands between the end of a call and the end of its message is nobody's.
    private bool TryEndMessage()
    {
        if (!_ends.TryTakeUntil(Text, _held, out var marker))
            return false;
        _held.Clear();
        _state = marker < 0 ? State.AfterMessage : State.Header;
        return marker >= 0;
    }

    private string TakeHeld()
    {
        var held = _held.ToString();
        _held.Clear();
        return held;
    }
}
