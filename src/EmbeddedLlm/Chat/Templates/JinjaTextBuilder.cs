using System.Text;

namespace EmbeddedLlm.Chat.Templates;

/// <summary>A string in the making that pays for its length as it grows.</summary>
internal sealed class JinjaTextBuilder(JinjaBudget budget)
{
    private readonly StringBuilder _text = new();
    private long _unpaid = 16;

    public JinjaBudget Budget { get; } = budget;

    public JinjaTextBuilder Append(char c)
    {
        Pay(1);
        _text.Append(c);
        return this;
    }

    public JinjaTextBuilder Append(string text)
    {
        Pay(text.Length);
        _text.Append(text);
        return this;
    }

    public JinjaTextBuilder Append(ReadOnlySpan<char> text)
    {
        Pay(text.Length);
        _text.Append(text);
        return this;
    }

    public JinjaTextBuilder Repeat(string text, long count)
    {
        Pay(Math.Clamp(count, 0, int.MaxValue) * text.Length);
        for (var i = 0L; i < count && text.Length > 0; i++)
            _text.Append(text);
        return this;
    }

    public override string ToString()
    {
        Budget.SpendMemory(2 * _unpaid);
        _unpaid = 0;
        return _text.ToString();
    }

    private void Pay(long length)
    {
        Budget.CheckText(_text.Length + length);
        _unpaid += length;
        if (_unpaid < 256)
            return;
        Budget.SpendMemory(2 * _unpaid);
        _unpaid = 0;
    }
}
