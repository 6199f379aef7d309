namespace EmbeddedLlm.Chat.Syntax;

/// <summary>
/// Calls as JSON: for each an object with the name, the arguments and perhaps an id under keys of the format; alone, in a list, or
/// several behind each other.
/// </summary>
internal sealed record JsonCalls : CallForm
{
    /// <summary>The key of the name; null where the name itself is the key of the arguments.</summary>
    public string? NameKey { get; init; } = "name";

    /// <summary>The keys of the arguments; the first is what the format asks for.</summary>
    public string[] ArgumentsKeys { get; init; } = ["arguments", "parameters"];

    /// <summary>The key of the id.</summary>
    public string IdKey { get; init; } = "id";

    /// <summary>Members that the format has before the name, such as an id.</summary>
    public string BeforeNameKey { get; init; } = "";

    /// <summary>Whether the format asks for a list.</summary>
    public bool IsList { get; init; }

    /// <summary>Stands around the JSON in the format, such as a line end.</summary>
    public string Gap { get; init; } = "";

    /// <summary>Closes a block in the format.</summary>
    public string End { get; init; } = "";

    public override CallShape Shape => new(
        Trigger + Gap + (IsList ? "[" : ""),
        NameKey is null ? "{\"" : $"{{{BeforeNameKey}\"{NameKey}\": \"",
        NameKey is null ? "\": " : $"\", \"{ArgumentsKeys[0]}\": ",
        new ArgumentShape.Literal(LiteralStyle.Json),
        "}",
        (IsList ? "]" : "") + Gap + End,
        IsList ? ", " : null);

    public override CallReader CreateReader(OfferedTools tools, string trigger) => new Reader(this, trigger);

    private sealed class Reader(JsonCalls form, string trigger) : CallReader(form, trigger)
    {
        private Nesting? _nesting;
        private bool _isRead;

        public override bool TryRead(AnswerText text, AnswerWriter writer)
        {
            while (true)
            {
                if (!_isRead && TryReadValue(text, writer) is { } isCall)
                {
                    _isRead = isCall;
                    if (!isCall)
                        return true;
                }

                if (!_isRead)
                    return false;
                if (Close(text, '{', '[') is not { } isNext)
                    return false;
                if (!isNext)
                    return true;
                (_nesting, _isRead) = (null, false);
            }
        }

        // Null while more text must come first; then whether it was a value.
        private bool? TryReadValue(AnswerText text, AnswerWriter writer)
        {
            if (_nesting is null)
            {
                Block.Append(text.Take(text.Blanks()));
                if (text.Rest.Length == 0 && !text.HasEnded)
                    return null;
                if (text.Rest is not ['{' or '[', ..])
                {
                    GiveBack(writer);
                    return false;
                }

                _nesting = new(LiteralStyle.Json);
            }

            var isWhole = _nesting.TryTake(text, Block);
            if (!isWhole && !text.HasEnded)
                return null;

            var json = new LiteralReader(Block.ToString(), LiteralStyle.Json);
            var before = writer.Calls;
            var isList = json.TryTake('[');
            while (json.Next == '{')
            {
                if (!new JsonCallReader(form, json).TryRead(isWhole, out var call))
                    break;
                if (call.Problem is null)
                    Finish(writer, call.Name, call.Arguments, call.Id);
                else
                    Add(writer, call);
                if (!isList || call.Problem is not null || !json.TryTake(','))
                    break;
            }

            if (writer.Calls == before)
                GiveBack(writer);
            Block.Clear();
            return true;
        }
    }
}
