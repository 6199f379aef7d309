using System.Collections.Concurrent;

namespace EmbeddedLlm.Tokenization;

/// <summary>Remembers the ids of short words, since text repeats them. Bounded: when full it starts anew. Safe for use by many threads.</summary>
internal sealed class WordCache
{
    private const int MaxWords = 1 << 16;
    private const int MaxCharacters = 48;

    private volatile ConcurrentDictionary<string, int[]> _words = NewWords();
    private int _count;

    /// <summary>Appends the ids of a word seen before.</summary>
    public bool TryAppend(ReadOnlySpan<char> word, List<int> ids)
    {
        if (word.Length > MaxCharacters || !_words.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(word, out var known))
            return false;
        ids.AddRange(known.AsSpan());
        return true;
    }

    /// <summary>Remembers a word.</summary>
    public void Add(ReadOnlySpan<char> word, ReadOnlySpan<int> ids)
    {
        if (word.Length > MaxCharacters)
            return;
        if (Interlocked.Increment(ref _count) > MaxWords)
        {
            _words = NewWords();
            _count = 1;
        }
        _words.TryAdd(word.ToString(), ids.ToArray());
    }

    private static ConcurrentDictionary<string, int[]> NewWords() => new(StringComparer.Ordinal);
}
