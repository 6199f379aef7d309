namespace EmbeddedLlm.Engine.Drafts;

/// <summary>
/// Drafts what followed the last time that the text ended as it does now: quotations, edits and loops are guessed from the text itself.
/// Prompt look-up decoding, https://github.com/apoorvumang/prompt-lookup-decoding.
/// </summary>
internal sealed class NGramDrafter : IDrafter
{
    private readonly Dictionary<Sequence, Lookup> _lookups = [];

    /// <inheritdoc/>
    public void Draft(ReadOnlySpan<Sequence> sequences)
    {
        foreach (var sequence in sequences)
        {
            if (!_lookups.TryGetValue(sequence, out var lookup))
                _lookups.Add(sequence, lookup = new());
            // The draft may read on into itself: a loop is guessed as long as there is room.
            var place = lookup.Find(sequence.Tokens);
            for (; place != NGramIndex.None && sequence.DraftRoom > 0; place++)
                sequence.AppendDraft(place < sequence.Count ? sequence.Tokens[place] : sequence.Draft[place - sequence.Count]);
        }
    }

    /// <inheritdoc/>
    public void Close(Sequence sequence) => _lookups.Remove(sequence);

    /// <summary>Finds where a text repeats itself: by long n-grams, which are seldom wrong, then by short ones.</summary>
    private sealed class Lookup
    {
        private readonly NGramIndex _long = new(4), _short = new(2);
        private int _offset;                                                // from the place found last to the end of the text it was found for

        public int Find(ReadOnlySpan<int> tokens)
        {
            var place = _long.Find(tokens, out var length);
            if (place == NGramIndex.None)
                place = _short.Find(tokens, out length);

            // Where the text was copied from before, it may go on, though the same n-gram stands at many later places.
            var next = tokens.Length - _offset;
            if (_offset > 0 && NGramIndex.MatchBefore(tokens, next) >= Math.Max(length, 2))
                place = next;
            _offset = place == NGramIndex.None ? 0 : tokens.Length - place;
            return place;
        }
    }
}
