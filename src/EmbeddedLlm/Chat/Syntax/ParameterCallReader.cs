using System.Text;

namespace EmbeddedLlm.Chat.Syntax;

/// <summary>Reads a block of <see cref="ParameterCalls"/> as it streams in.</summary>
internal sealed class ParameterCallReader(ParameterCalls form, OfferedTools tools, string trigger) : CallReader(form, trigger)
{
    private enum State
    {
        BeforeCall,
        Name,
        BeforeParameter,
        ParameterName,
        BeforeValue,
        Value,
        AfterCall,
        AfterBlock,
    }

    private readonly MarkerSet _nameEnds = new(form.NameEnd is null ? [form.ParameterMark, form.CallEnd] : [form.NameEnd]);
    private readonly MarkerSet _parameters = new(form.ParameterMark, form.CallEnd);
    private readonly MarkerSet _parameterNameEnd = new(form.ParameterNameEnd);
    private readonly MarkerSet _valueMark = new(form.ValueMark ?? form.ValueEnd);
    private readonly MarkerSet _valueEnd = new(form.ValueEnd);
    private readonly StringBuilder _arguments = new();
    private State _state;
    private string _name = "";
    private string _parameter = "";
    private string _attributes = "";
    private string? _problem;

    public override bool TryRead(AnswerText text, AnswerWriter writer)
    {
        while (true)
        {
            switch (Step(text, writer))
            {
                case null:
                    return false;
                case false:
                    return true;
            }
        }
    }

    // Null where more text must come first; false where the block is over.
    private bool? Step(AnswerText text, AnswerWriter writer)
    {
        switch (_state)
        {
            case State.BeforeCall:
                return BeforeCall(text, writer);
            case State.AfterCall:
                return AfterCall(text);
            case State.AfterBlock:
                return Close(text) is null ? null : false;
            case State.BeforeValue when form.ValueMark is null:
                _state = State.Value;
                return true;
        }

        var marks = _state switch
        {
            State.Name => _nameEnds,
            State.BeforeParameter => _parameters,
            State.ParameterName => _parameterNameEnd,
            State.BeforeValue => _valueMark,
            _ => _valueEnd,
        };
        if (!marks.TryTakeUntil(text, Block, out var marker))
            return null;
        if (marker < 0)
            return Cut(writer);

        var taken = Block.ToString();
        Block.Clear();
        switch (_state)
        {
            case State.Name:
                Begin(taken);
                if (form.NameEnd is null)
                    return Next(writer, marker);
                _state = State.BeforeParameter;
                return true;
            case State.BeforeParameter:
                if (!string.IsNullOrWhiteSpace(taken))
                    _problem = "There is text between the parameters.";
                return Next(writer, marker);
            case State.ParameterName:
                BeginParameter(taken);
                _state = State.BeforeValue;
                return true;
            case State.BeforeValue:
                _state = State.Value;
                return true;
            default:
                EndParameter(taken);
                _state = State.BeforeParameter;
                return true;
        }
    }

    private bool? BeforeCall(AnswerText text, AnswerWriter writer)
    {
        if (form.CallMark.Length > 0)
        {
            switch (text.TryTake(form.CallMark))
            {
                case null:
                    return null;
                case false:
                    Block.Append(text.Take(text.Blanks()));
                    GiveBack(writer);
                    return false;
            }
        }

        _state = State.Name;
        return true;
    }

    private bool? AfterCall(AnswerText text)
    {
        if (form.CallMark.Length > 0)
        {
            var blanks = text.Blanks();
            switch (text.StartsWith(blanks, form.CallMark))
            {
                case null:
                    return null;
                case true:
                    _state = State.BeforeCall;
                    return true;
            }
        }

        _state = State.AfterBlock;
        return true;
    }

    private void Begin(string header)
    {
        (_name, _) = Split(header);
        _arguments.Clear().Append('{');
        _problem = null;
    }

    private bool Next(AnswerWriter writer, int marker)
    {
        if (marker == 0)
        {
            _state = State.ParameterName;
            return true;
        }

        _arguments.Append('}');
        if (_problem is null)
            Finish(writer, _name, _arguments.ToString());
        else
            Add(writer, new(_name, _arguments.ToString(), Problem: _problem));
        _state = State.AfterCall;
        return true;
    }

    private void BeginParameter(string header)
    {
        (_parameter, _attributes) = Split(header);
        if (_arguments.Length > 1)
            _arguments.Append(", ");
        LiteralReader.WriteString(_arguments, _parameter);
        _arguments.Append("\": ");
    }

    private void EndParameter(string value)
    {
        if (form.HasValueLines && value.StartsWith('\n'))
            value = value[1..(value.Length > 1 && value.EndsWith('\n') ? ^1 : ^0)];
        ParameterValue.Write(_arguments, value, tools.Parameter(_name, _parameter), reference => tools.Resolve(_name, reference), form.IsText(_attributes));
    }

    private bool Cut(AnswerWriter writer)
    {
        if (_state == State.Name)
        {
            GiveBack(writer);
        }
        else
        {
            Add(writer, new(_name, _arguments.ToString(), Problem: ToolCall.Cut));
            Block.Clear();
        }

        return false;
    }

    private static (string Name, string Attributes) Split(string header) =>
        header.Split('"', 2) is [var name, var attributes] ? (name, attributes) : (header.Trim(), "");
}
