using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace EmbeddedLlm.Chat.Syntax;

/// <summary>Reads one object of <see cref="JsonCalls"/>; its members may stand in any order.</summary>
internal sealed class JsonCallReader(JsonCalls form, LiteralReader json)
{
    private readonly StringBuilder _arguments = new();
    private string? _name;
    private string? _id;
    private string? _text;      // arguments that are a string, with JSON in it
    private bool _hasArguments;

    /// <summary>Reads a call. False where the object names no tool.</summary>
    /// <param name="isWhole">Whether the brackets of the text close.</param>
    /// <param name="call">The call; with a problem where its object ends early or is no JSON.</param>
    public bool TryRead(bool isWhole, [NotNullWhen(true)] out ToolCall? call)
    {
        var isRead = TryObject();
        var problem = isRead ? null : isWhole ? "The call is no JSON." : ToolCall.Cut;
        var arguments = _text ?? (_hasArguments || !isRead ? _arguments.ToString() : "{}");
        call = _name is null ? null : new(_name, arguments, _id, problem);
        return call is not null;
    }

    private bool TryObject()
    {
        if (!json.TryTake('{'))
            return false;
        for (var isFirst = true; !json.TryTake('}'); isFirst = false)
        {
            if ((!isFirst && !json.TryTake(',')) || json.TakeString() is not { } key || !json.TryTake(':') || !TryMember(key))
                return false;
        }

        return true;
    }

    private bool TryMember(string key)
    {
        if (form.NameKey is null && _name is null)
        {
            _name = key;
            return TryArguments();
        }

        if (key == form.NameKey)
            return (_name = json.TakeString()) is not null;
        if (form.ArgumentsKeys.Contains(key))
            return TryArguments();
        if (key == "function" && json.Next == '{')
            return TryObject(); // the form of OpenAI's interface, which some models write
        if (key == "function" && _name is null && json.Next == '"')
            return (_name = json.TakeString()) is not null;

        var other = new StringBuilder();
        var isRead = json.TryValue(other);
        if (key == form.IdKey && isRead)
            _id = other.ToString().Trim('"');
        return isRead;
    }

    private bool TryArguments()
    {
        _hasArguments = true;
        return json.Next == '"' ? (_text = json.TakeString()) is not null : json.TryValue(_arguments);
    }
}
