namespace EmbeddedLlm.Engine.Drafts;

/// <summary>
/// Where the n-grams of a growing text stand, as chains by hash: each token is looked at once when it comes, and a search looks at a few
/// places only, however long the text.
/// </summary>
/// <param name="n">Tokens of an n-gram.</param>
internal sealed class NGramIndex(int n)
{
    /// <summary>Nothing was found.</summary>
    public const int None = -1;

    private const int MaxPlaces = 16;                                       // that one search looks at, the latest first
    private const int MaxMatch = 32;                                        // longer matches are as good

    private int[] _latest = [];                                             // [power of two] by hash: where the last such n-gram ends, + 1
    private int[] _before = [];                                             // [tokens] where the one before ends, + 1; 0: nowhere
    private int _count;                                                     // tokens taken in

    /// <summary>The place after the earlier text that agrees longest with the end of this one; of equals the latest. <see cref="None"/> if no n-gram does.</summary>
    /// <param name="tokens">The text: that of the last call, and what has come since.</param>
    /// <param name="length">Tokens that agree.</param>
    public int Find(ReadOnlySpan<int> tokens, out int length)
    {
        TakeIn(tokens);
        var (found, place) = (None, tokens.Length < n ? 0 : _before[tokens.Length - 1]);
        length = n - 1;
        for (var places = 0; place > 0 && places < MaxPlaces; places++, place = _before[place - 1])
        {
            var match = MatchBefore(tokens, place);
            if (match > length)
                (found, length) = (place, match);
        }
        return found;
    }

    /// <summary>How many tokens before a place agree with the end of the text, up to a limit.</summary>
    public static int MatchBefore(ReadOnlySpan<int> tokens, int place)
    {
        var length = 0;
        while (length < MaxMatch && length < place && tokens[place - 1 - length] == tokens[^(1 + length)])
            length++;
        return length;
    }

    private void TakeIn(ReadOnlySpan<int> tokens)
    {
        if (_before.Length < tokens.Length)
            Grow(tokens.Length);
        for (_count = Math.Max(_count, n - 1); _count < tokens.Length; _count++)
        {
            ref var latest = ref _latest[Hash(tokens.Slice(_count + 1 - n, n)) & (_latest.Length - 1)];
            _before[_count] = latest;
            latest = _count + 1;
        }
    }

    // All are taken in anew: chains are by the length of the table.
    private void Grow(int count)
    {
        var length = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(count + 1, 256));
        (_latest, _before, _count) = (new int[length], new int[length], 0);
    }

    private static int Hash(ReadOnlySpan<int> tokens)
    {
        var hash = 0u;
        foreach (var token in tokens)
            hash = (hash ^ (uint)token) * 0x9E3779B1;
        return (int)(hash >> 8);
    }
}
