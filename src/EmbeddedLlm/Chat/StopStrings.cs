namespace EmbeddedLlm.Chat;

/// <summary>
/// Watches text for stop strings, which may be split over any number of pieces. What may still become one is held back, and no more.
/// The first stop string that is complete ends the text, however the text was cut into pieces.
/// </summary>
internal sealed class StopStrings(IReadOnlyList<string> stops)
{
    private string _held = "";

    /// <summary>Whether a stop string was seen. Nothing comes after it.</summary>
    public bool Found { get; private set; }

    /// <summary>Takes a piece and gives back the text that is certain to be none of a stop string.</summary>
    public string Append(string piece)
    {
        if (stops.Count == 0)
            return piece;
        if (Found)
            return "";

        var text = _held + piece;
        var (start, end) = (-1, int.MaxValue);
        foreach (var stop in stops)
        {
            var found = text.IndexOf(stop, StringComparison.Ordinal);
            if (found >= 0 && (found + stop.Length, found).CompareTo((end, start)) < 0)
                (start, end) = (found, found + stop.Length);
        }

        Found = start >= 0;
        var certain = Found ? start : text.Length - Undecided(text);
        _held = Found ? "" : text[certain..];
        return text[..certain];
    }

    /// <summary>Gives back what is held, as no more text will come.</summary>
    public string Flush()
    {
        var rest = _held;
        _held = "";
        return rest;
    }

    // The length of the longest end of the text with which a stop string begins.
    private int Undecided(string text)
    {
        var longest = 0;
        foreach (var stop in stops)
        {
            for (var length = Math.Min(stop.Length - 1, text.Length); length > longest; length--)
            {
                if (text.AsSpan(text.Length - length).SequenceEqual(stop.AsSpan(0, length)))
                    longest = length;
            }
        }

        return longest;
    }
}
