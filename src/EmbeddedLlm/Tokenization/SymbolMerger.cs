namespace EmbeddedLlm.Tokenization;

/// <summary>A stretch of a word that is one piece so far.</summary>
internal struct Symbol
{
    public int Start;
    public int Length;
    public int Id;
    public int Previous;
    public int Next;
}

/// <summary>Says which neighbours become one piece, and which go first.</summary>
internal interface IMergeRule
{
    /// <summary>Whether two neighbours may merge: into which id, and how early (lower ranks first, of equal ranks the leftmost).</summary>
    bool TryMerge(in Symbol left, in Symbol right, out uint rank, out int id);
}

/// <summary>
/// The merge loop that byte-pair encoding and SentencePiece share: of all neighbours that may merge, the one of lowest rank and then
/// furthest left does, until none may. A queue of candidates keeps it at n log n for words of any length. One thread at a time.
/// </summary>
internal sealed class SymbolMerger
{
    private const int KeptSymbols = 1 << 16;

    [ThreadStatic]
    private static SymbolMerger? _spare;

    private readonly PriorityQueue<(int Left, int Length, int Id), ulong> _candidates = new();
    private Symbol[] _symbols = new Symbol[64];
    private int _count;

    /// <summary>An empty merger of this thread; give it back with <see cref="Return"/>.</summary>
    public static SymbolMerger Rent()
    {
        var merger = _spare ?? new SymbolMerger();
        _spare = null;
        merger._count = 0;
        return merger;
    }

    /// <summary>Keeps the buffers for the next word, unless one long word made them large.</summary>
    public void Return() => _spare = _symbols.Length <= KeptSymbols ? this : null;

    /// <summary>Appends a symbol to the word.</summary>
    public void Add(int start, int length, int id)
    {
        if (_count == _symbols.Length)
            Array.Resize(ref _symbols, _count * 2);
        _symbols[_count] = new Symbol { Start = start, Length = length, Id = id, Previous = _count - 1, Next = -1 };
        if (_count > 0)
            _symbols[_count - 1].Next = _count;
        _count++;
    }

    /// <summary>Merges all that may merge.</summary>
    public void Merge<TRule>(TRule rule) where TRule : IMergeRule, allows ref struct
    {
        for (var i = 0; i + 1 < _count; i++)
            Offer(rule, i);
        while (_candidates.TryDequeue(out var candidate, out _))
        {
            ref var left = ref _symbols[candidate.Left];
            // The candidate is stale if either side has merged since: then the left one is gone (length 0) or the two are longer together.
            if (left.Length == 0 || left.Next < 0 || left.Length + _symbols[left.Next].Length != candidate.Length)
                continue;
            ref var right = ref _symbols[left.Next];
            (left.Length, left.Id, left.Next) = (candidate.Length, candidate.Id, right.Next);
            right.Length = 0;
            if (left.Next >= 0)
            {
                _symbols[left.Next].Previous = candidate.Left;
                Offer(rule, candidate.Left);
            }
            if (left.Previous >= 0)
                Offer(rule, left.Previous);
        }
    }

    /// <summary>The next symbol of the result; start with <paramref name="index"/> 0.</summary>
    public bool TryRead(ref int index, out Symbol symbol)
    {
        var found = index >= 0 && index < _count;
        symbol = found ? _symbols[index] : default;
        if (found)
            index = symbol.Next;
        return found;
    }

    private void Offer<TRule>(TRule rule, int left) where TRule : IMergeRule, allows ref struct
    {
        ref var first = ref _symbols[left];
        ref var second = ref _symbols[first.Next];
        if (rule.TryMerge(first, second, out var rank, out var id))
            _candidates.Enqueue((left, first.Length + second.Length, id), (ulong)rank << 32 | (uint)left);
    }
}
