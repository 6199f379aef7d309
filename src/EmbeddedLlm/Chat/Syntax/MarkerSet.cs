using System.Buffers;
using System.Text;

namespace EmbeddedLlm.Chat.Syntax;

/// <summary>Texts that are looked for in an answer. What may still become one is held back, and no more.</summary>
internal sealed class MarkerSet
{
    private readonly string[] _markers;
    private readonly SearchValues<char> _beginnings;

    /// <summary>A set of texts, none of them empty; where two begin at the same place the earlier of the list counts.</summary>
    public MarkerSet(params IEnumerable<string> markers)
    {
        _markers = [.. markers];
        _beginnings = SearchValues.Create([.. _markers.Select(marker => marker[0]).Distinct()]);
    }

    /// <summary>Finds how much of the rest comes before any marker, and which marker stands there: -1 if none does yet.</summary>
    public (int Before, int Marker) Search(AnswerText text)
    {
        var rest = text.Rest;
        for (var from = 0; ; from++)
        {
            var next = rest[from..].IndexOfAny(_beginnings);
            if (next < 0)
                return (rest.Length, -1);
            from += next;
            for (var i = 0; i < _markers.Length; i++)
            {
                switch (text.StartsWith(from, _markers[i]))
                {
                    case true:
                        return (from, i);
                    case null:
                        return (from, -1);
                }
            }
        }
    }

    /// <summary>
    /// Moves text up to a marker and reads the marker. False while none is found. At the end of the answer all is moved, and the marker is -1.
    /// </summary>
    public bool TryTakeUntil(AnswerText text, StringBuilder to, out int marker)
    {
        (var before, marker) = Search(text);
        to.Append(text.Take(before));
        if (marker >= 0)
            text.Take(_markers[marker].Length);
        return marker >= 0 || text.HasEnded;
    }
}
