using System.Text;

namespace EmbeddedLlm.Chat.Syntax;

/// <summary>
/// Collects the parts of an answer. Blanks that only set one part apart from the next are no part of either: those around reasoning,
/// and text of blanks alone beside calls.
/// </summary>
/// <param name="keepsReasoningEnd">Whether blanks at the end of reasoning belong to it.</param>
/// <param name="keepsTextEnd">Whether blanks between text and a call behind it belong to the text.</param>
internal sealed class AnswerWriter(bool keepsReasoningEnd, bool keepsTextEnd)
{
    private readonly StringBuilder _blanks = new();     // held back: blanks of which it is not yet known whether they stand at the end
    private readonly List<AnswerPart> _parts = [];
    private bool _isBlank = true;                       // nothing but blanks in this section so far
    private bool _dropsStart;

    /// <summary>Calls so far.</summary>
    public int Calls { get; private set; }

    /// <summary>Whether reasoning is open.</summary>
    public bool IsReasoning { get; private set; }

    /// <summary>Begins reasoning, which ends with <see cref="EndReasoning"/>.</summary>
    public void BeginReasoning()
    {
        EndSection(keepsTextEnd);
        (IsReasoning, _dropsStart) = (true, true);
    }

    /// <summary>Ends reasoning; text follows, or a call.</summary>
    public void EndReasoning()
    {
        EndSection(keepsReasoningEnd);
        (IsReasoning, _dropsStart) = (false, true);
    }

    /// <summary>Says how many of the last so many characters that were read the prompt has written; they are not given out. Null where it has written none.</summary>
    public Func<int, int>? Prefill { get; set; }

    /// <summary>Adds to the section that is open: reasoning or text.</summary>
    /// <param name="value">The last characters that were read.</param>
    public void Append(ReadOnlySpan<char> value)
    {
        if (Prefill?.Invoke(value.Length) is > 0 and var prefill)
        {
            AppendOwn(value[..prefill]);
            _blanks.Clear();
            _parts.Clear(); // nothing of the model's can stand before
            value = value[prefill..];
        }

        AppendOwn(value);
    }

    /// <summary>Adds a call; ends reasoning.</summary>
    public void Add(ToolCall call)
    {
        EndSection(IsReasoning ? keepsReasoningEnd : keepsTextEnd);
        (IsReasoning, _dropsStart) = (false, false);
        Calls++;
        _parts.Add(new AnswerPart.Call(call));
    }

    /// <summary>The answer is over: what was held back is given out if it is part of something.</summary>
    public void End()
    {
        if (!IsReasoning && Calls == 0 && !_dropsStart)
            _isBlank = false; // an answer of nothing but blanks is one
        EndSection(!IsReasoning || keepsReasoningEnd);
    }

    /// <summary>Gives out the parts so far; text and reasoning as it came, in one piece where nothing stands between.</summary>
    public AnswerPart[] TakeParts()
    {
        AnswerPart[] parts = [.. _parts];
        _parts.Clear();
        return parts;
    }

    private void AppendOwn(ReadOnlySpan<char> value)
    {
        if (_isBlank)
        {
            var trimmed = value.TrimStart();
            if (!_dropsStart)
                _blanks.Append(value[..^trimmed.Length]);
            value = trimmed;
        }

        var words = value.TrimEnd();
        if (words.Length > 0)
        {
            Add(string.Concat(_blanks.ToString(), words));
            _blanks.Clear();
            _isBlank = false;
        }

        _blanks.Append(value[words.Length..]);
    }

    private void EndSection(bool keepsEnd)
    {
        if (keepsEnd && !_isBlank && _blanks.Length > 0)
            Add(_blanks.ToString());
        _blanks.Clear();
        _isBlank = true;
    }

    private void Add(string value)
    {
        switch (_parts)
        {
            case [.., AnswerPart.Reasoning last] when IsReasoning:
                _parts[^1] = new AnswerPart.Reasoning(last.Value + value);
                break;
            case [.., AnswerPart.Text last] when !IsReasoning:
                _parts[^1] = new AnswerPart.Text(last.Value + value);
                break;
            default:
                _parts.Add(IsReasoning ? new AnswerPart.Reasoning(value) : new AnswerPart.Text(value));
                break;
        }
    }
}
