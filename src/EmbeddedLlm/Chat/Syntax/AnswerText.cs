namespace EmbeddedLlm.Chat.Syntax;

/// <summary>The text of an answer as it streams in: what is not read yet, and whether more will come.</summary>
internal sealed class AnswerText
{
    private char[] _buffer = new char[256];
    private int _start;
    private int _end;
    private int _prefill;           // characters from the beginning that the prompt has written
    private int _read;

    /// <summary>Whether no more text will come.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>What is not read yet; valid until the next <see cref="Append"/>.</summary>
    public ReadOnlySpan<char> Rest => _buffer.AsSpan(_start, _end - _start);

    /// <summary>Whether the rest is all there is of the answer.</summary>
    public bool IsOver => HasEnded && _start == _end;

    /// <summary>Adds text behind the rest.</summary>
    public void Append(ReadOnlySpan<char> piece)
    {
        if (_end + piece.Length > _buffer.Length)
        {
            var rest = Rest;
            var larger = rest.Length + piece.Length > _buffer.Length ? new char[2 * (rest.Length + piece.Length)] : _buffer;
            rest.CopyTo(larger);
            (_buffer, _start, _end) = (larger, 0, rest.Length);
        }

        piece.CopyTo(_buffer.AsSpan(_end));
        _end += piece.Length;
    }

    /// <summary>Adds text that the prompt has written: nothing of it is the model's. Before all other text.</summary>
    public void AppendPrefill(string text)
    {
        Append(text);
        _prefill = text.Length;
    }

    /// <summary>How many of the last characters that were read the prompt has written.</summary>
    /// <param name="length">How many to look at.</param>
    public int PrefillIn(int length) => Math.Clamp(_prefill - (_read - length), 0, length);

    /// <summary>No more text will come.</summary>
    public void End() => HasEnded = true;

    /// <summary>Reads characters of the rest; the span is valid until the next <see cref="Append"/>.</summary>
    public ReadOnlySpan<char> Take(int count)
    {
        var taken = _buffer.AsSpan(_start, count);
        _start += count;
        _read += count;
        return taken;
    }

    /// <summary>Blanks at the beginning of the rest.</summary>
    public int Blanks()
    {
        var rest = Rest;
        return rest.Length - rest.TrimStart().Length;
    }

    /// <summary>Reads a text with the blanks before it, if it stands there; null while what is there may become it.</summary>
    public bool? TryTake(string value)
    {
        var blanks = Blanks();
        var stands = StartsWith(blanks, value);
        if (stands == true)
            Take(blanks + value.Length);
        return stands;
    }

    /// <summary>Whether the rest from an offset begins with a text; null while what is there is a beginning of it.</summary>
    public bool? StartsWith(int offset, string value)
    {
        var rest = Rest[offset..];
        if (rest.StartsWith(value))
            return true;
        return !HasEnded && value.AsSpan().StartsWith(rest) ? null : false;
    }
}
