using EmbeddedLlm.Gguf;

namespace EmbeddedLlm.Tokenization;

/// <summary>
/// The tokens that begin a text, found letter by letter: the pieces of a vocabulary in order, of which each letter leaves a narrower range.
/// </summary>
internal sealed class SortedPieces
{
    // Bounds what a walk costs. The longest tokens of real vocabularies have a few dozen characters.
    private const int MaxLength = 256;

    private readonly string[] _pieces;
    private readonly int[] _ids;

    /// <summary>Sorts the tokens of text.</summary>
    /// <exception cref="ModelFormatException">A token is longer than any real one.</exception>
    public SortedPieces(GgufMetadata metadata, Vocabulary vocabulary)
    {
        _ids = [.. Enumerable.Range(0, vocabulary.Count).Where(id => vocabulary.IsText(id) && vocabulary.Ids[vocabulary.Piece(id)] == id && vocabulary.Piece(id).Length > 0)];
        _pieces = [.. _ids.Select(vocabulary.Piece)];
        if (Array.FindIndex(_pieces, piece => piece.Length > MaxLength) is >= 0 and var wrong)
            throw metadata.Wrong(Vocabulary.TokensKey, $"at most {MaxLength} characters in token {_ids[wrong]}", _pieces[wrong].Length.ToString());
        Array.Sort(_pieces, _ids, StringComparer.Ordinal);
    }

    /// <summary>A walk of no letters.</summary>
    public Walk Begin() => new() { End = _pieces.Length };

    /// <summary>Goes on by a letter; false if no token begins so.</summary>
    public bool Step(ref Walk walk, char letter)
    {
        walk.Start = FirstFrom(walk, letter);
        walk.End = FirstFrom(walk, letter + 1);
        walk.Depth++;
        return walk.Start < walk.End;
    }

    /// <summary>The token that is just the letters of the walk, or -1.</summary>
    public int IdAt(Walk walk) => _pieces[walk.Start].Length == walk.Depth ? _ids[walk.Start] : -1;

    /// <summary>The length of the longest token that begins a text, and which it is; 0 if none does.</summary>
    public int LongestAt(ReadOnlySpan<char> text, out int id)
    {
        var longest = 0;
        id = -1;
        var walk = Begin();
        for (var i = 0; i < text.Length && Step(ref walk, text[i]); i++)
        {
            if (IdAt(walk) is >= 0 and var found)
                (longest, id) = (i + 1, found);
        }
        return longest;
    }

    // The first piece of the range whose next letter is this or a later one.
    private int FirstFrom(Walk walk, int letter)
    {
        var (low, high) = (walk.Start, walk.End);
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            var piece = _pieces[middle];
            if (piece.Length > walk.Depth && piece[walk.Depth] >= letter)
                high = middle;
            else
                low = middle + 1;
        }
        return low;
    }

    /// <summary>The pieces that begin with the letters so far.</summary>
    internal struct Walk
    {
        public int Start;
        public int End;
        public int Depth;
    }
}
