using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using EmbeddedLlm.Gguf;

namespace EmbeddedLlm.Tokenization;

/// <summary>
/// SentencePiece's unigram model (<c>t5</c>): of all ways to spell a text in tokens, the one whose log probabilities sum highest, found by
/// Viterbi's algorithm (<see href="https://arxiv.org/abs/1804.10959">Kudo 2018</see>). Text is normalized by the file's own map first.
/// </summary>
internal sealed class UnigramTokenizer : Tokenizer
{
    // How much less likely an unknown character is than the least likely token; SentencePiece's constant.
    private const float UnknownPenalty = 10;

    private readonly int _unknownId;
    private readonly double _unknownScore;
    private readonly float[] _scores; // [tokens]
    private readonly SortedPieces _pieces;
    private readonly ByteTokens _byteTokens;
    private readonly CharacterMap? _map;
    private readonly bool _removesExtraSpaces;
    private readonly bool _splitsAtSpaces = true;
    private readonly WordCache _cache = new();

    public UnigramTokenizer(GgufMetadata metadata)
        : this(metadata, new Vocabulary(metadata, defaultEos: 1, defaultUnknown: 2, addsEos: true))
    {
    }

    private UnigramTokenizer(GgufMetadata metadata, Vocabulary vocabulary)
        : base(metadata, vocabulary, new TokenBytes(metadata, vocabulary, SpaceMark.Spell))
    {
        _unknownId = vocabulary.RequireUnknown(metadata);
        _scores = vocabulary.ReadScores(metadata);
        _pieces = new SortedPieces(metadata, vocabulary);
        _byteTokens = new ByteTokens(vocabulary);
        _map = CharacterMap.Read(metadata);
        AddsSpacePrefix = metadata.GetBool("tokenizer.ggml.add_space_prefix", true);
        _removesExtraSpaces = metadata.GetBool("tokenizer.ggml.remove_extra_whitespaces", true);

        var least = 0f;
        for (var id = 0; id < vocabulary.Count; id++)
        {
            if (vocabulary.Kind(id) == TokenKind.UserDefined)
                _scores[id] = 0;
            if (vocabulary.Kind(id) == TokenKind.Normal)
                least = Math.Min(least, _scores[id]);
            // No token reaches over the end of a word: then words can be encoded, and remembered, one by one.
            if (vocabulary.IsText(id))
                _splitsAtSpaces &= SpaceMark.WordEnd(vocabulary.Piece(id)) == vocabulary.Piece(id).Length;
        }
        _unknownScore = least - UnknownPenalty;
    }

    internal override bool AddsSpacePrefix { get; }

    private protected override void EncodeText(ReadOnlySpan<char> text, bool atStart, List<int> ids)
    {
        var first = ids.Count;
        for (var rest = Normalize(text).AsSpan(); !rest.IsEmpty;)
        {
            var word = _splitsAtSpaces ? rest[..SpaceMark.WordEnd(rest)] : rest;
            rest = rest[word.Length..];
            var start = ids.Count;
            if (!_cache.TryAppend(word, ids))
            {
                EncodeWord(word, ids);
                _cache.Add(word, CollectionsMarshal.AsSpan(ids)[start..]);
            }
            // Unknown characters side by side are one unknown token.
            if (start > first && ids.Count > start && ids[start] == _unknownId && ids[start - 1] == _unknownId)
                ids.RemoveAt(start);
        }
    }

    // With ▁ for a space, and one before the first word; of several spaces one, and none at the ends, where the model was trained so.
    private string Normalize(ReadOnlySpan<char> text)
    {
        var mapped = _map is null ? text.ToString() : _map.Map(text);
        var result = new StringBuilder(mapped.Length + 1);
        var rest = _removesExtraSpaces ? mapped.AsSpan().Trim(' ') : mapped;
        if (AddsSpacePrefix && !rest.IsEmpty)
            result.Append(SpaceMark.Mark);
        var previous = '\0';
        foreach (var character in rest)
        {
            if (character != ' ')
                result.Append(character);
            else if (previous != ' ' || !_removesExtraSpaces)
                result.Append(SpaceMark.Mark);
            previous = character;
        }
        return result.ToString();
    }

    private void EncodeWord(ReadOnlySpan<char> word, List<int> ids)
    {
        var paths = ArrayPool<Path>.Shared.Rent(word.Length + 1);
        paths.AsSpan(0, word.Length + 1).Fill(new Path { Score = double.NegativeInfinity });
        paths[0].Score = 0;
        for (var start = 0; start < word.Length;)
        {
            Rune.DecodeFromUtf16(word[start..], out _, out var character);
            var from = paths[start].Score;
            var isKnown = false;
            var walk = _pieces.Begin();
            for (var length = 1; start + length <= word.Length && _pieces.Step(ref walk, word[start + length - 1]); length++)
            {
                if (_pieces.IdAt(walk) is not (>= 0 and var id))
                    continue;
                isKnown |= length == character;
                Offer(ref paths[start + length], from + _scores[id], start, id);
            }
            if (!isKnown)
                Offer(ref paths[start + character], from + _unknownScore, start, _unknownId);
            start += character;
        }
        AppendPath(word, paths, ids);
        ArrayPool<Path>.Shared.Return(paths);
    }

    // Of equal sums the first stays, which has the longer last token.
    private static void Offer(ref Path path, double score, int from, int id)
    {
        if (score > path.Score)
            path = new Path { Score = score, From = from, Id = id };
    }

    private void AppendPath(ReadOnlySpan<char> word, Path[] paths, List<int> ids)
    {
        // The path is known from its end: turn it round in place, so that From says where to go.
        var next = word.Length;
        for (var at = word.Length; at > 0;)
        {
            var from = paths[at].From;
            (paths[at].From, next) = (next, at);
            at = from;
        }
        var start = ids.Count;
        for (var at = 0; at < word.Length; at = next, next = paths[next].From)
        {
            if (paths[next].Id != _unknownId)
                ids.Add(paths[next].Id);
            else if (!_byteTokens.TryAppend(word[at..next], ids) && (ids.Count == start || ids[^1] != _unknownId))
                ids.Add(_unknownId);
        }
    }

    // The best way to spell the text up to a place: its score, and its last token with the place where that begins.
    private struct Path
    {
        public double Score;
        public int From;
        public int Id;
    }
}
