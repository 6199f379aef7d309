using System.Text;

namespace EmbeddedLlm.Chat.Syntax;

/// <summary>Calls as a name and, behind a mark, the arguments as one object. Each call has the trigger before it.</summary>
internal sealed record NamedCalls : CallForm
{
    /// <summary>The mark between name and arguments; empty where the arguments' bracket is it.</summary>
    public required string ArgumentsMark { get; init; }

    /// <summary>Stands between trigger and name.</summary>
    public string NamePrefix { get; init; } = "";

    /// <summary>The mark between the name and an id behind it.</summary>
    public string? IdMark { get; init; }

    /// <summary>The mark between an id and the name behind it.</summary>
    public string? NameMark { get; init; }

    /// <summary>Whether the name has a number behind a colon, and the whole is the id, as in <c>functions.search:0</c>.</summary>
    public bool IsNumbered { get; init; }

    /// <summary>How arguments are written.</summary>
    public LiteralStyle Style { get; init; } = LiteralStyle.Json;

    public override CallShape Shape => new(
        Trigger, (NameMark is null ? "" : CallShape.Id + NameMark) + NamePrefix, (IsNumbered ? $":{CallShape.Number}" : "") + (IdMark is null ? "" : IdMark + CallShape.Id) + ArgumentsMark,
        new ArgumentShape.Literal(Style), string.Concat(Closers.Take(1)), "");

    public override IEnumerable<string> Markers => base.Markers.Concat(new[] { ArgumentsMark, IdMark ?? "", NameMark ?? "" }.Where(marker => marker.Length > 0)).Concat(Style.Quotes);

    public override CallReader CreateReader(OfferedTools tools, string trigger) => new Reader(this, trigger);

    private (string Name, string? Id) Read(string header)
    {
        var name = header.Trim();
        string? id = null;
        if (NameMark is not null && name.Split(NameMark, 2) is [var before, var behind])
            (id, name) = (before, behind);
        if (IdMark is not null && name.Split(IdMark, 2) is [var named, var call])
            (name, id) = (named, call);
        if (IsNumbered)
            (id, name) = (name, name.LastIndexOf(':') is > 0 and var colon ? name[..colon] : name);
        return (name.StartsWith(NamePrefix, StringComparison.Ordinal) ? name[NamePrefix.Length..] : name, id);
    }

    private sealed class Reader(NamedCalls form, string trigger) : CallReader(form, trigger)
    {
        private const int MaxHeader = 512;

        private readonly MarkerSet _arguments = new(form.ArgumentsMark.Length > 0 ? form.ArgumentsMark : "{");
        private readonly ObjectReader _object = new(form.Style);
        private string? _name;
        private string? _id;
        private bool _isRead;

        public override bool TryRead(AnswerText text, AnswerWriter writer)
        {
            if (_name is null)
            {
                var (before, marker) = _arguments.Search(text);
                // Not one character more than it takes to give up, so that it does not matter how the answer is cut.
                Block.Append(text.Take(Math.Min(before, MaxHeader + 1 - Block.Length)));
                if (marker < 0 || Block.Length > MaxHeader)
                {
                    if (!text.HasEnded && Block.Length <= MaxHeader)
                        return false;
                    GiveBack(writer);
                    return true;
                }

                text.Take(form.ArgumentsMark.Length);
                (_name, _id) = form.Read(Block.ToString());
            }

            if (!_isRead)
            {
                if (!_object.TryRead(text))
                    return false;
                _isRead = true;
                if (_object.Problem is { } problem)
                    Add(writer, new(_name, _object.Json, _id, problem));
                else
                    Finish(writer, _name, _object.Json, _id);
            }

            return Close(text) is not null;
        }
    }
}
