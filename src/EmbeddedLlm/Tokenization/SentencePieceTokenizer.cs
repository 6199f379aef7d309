using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using EmbeddedLlm.Gguf;

namespace EmbeddedLlm.Tokenization;

/// <summary>
/// SentencePiece with scores (<c>llama</c>): spaces are written ▁, the neighbours whose union scores best merge first, characters without
/// a token become byte tokens (<see href="https://arxiv.org/abs/1808.06226">Kudo and Richardson 2018</see>, its BPE model).
/// </summary>
internal sealed class SentencePieceTokenizer : Tokenizer
{
    private readonly Vocabulary _vocabulary;
    private readonly uint[] _ranks; // [tokens]: lower for higher scores
    private readonly ByteTokens _byteTokens;
    private readonly int _longestPiece;
    private readonly bool _splitsAtSpaces;
    private readonly bool _stripsAfterSpecial;
    private readonly WordCache _cache = new();

    public SentencePieceTokenizer(GgufMetadata metadata)
        : this(metadata, new Vocabulary(metadata, defaultBos: 1, defaultEos: 2, defaultUnknown: 0, addsBos: true))
    {
    }

    private SentencePieceTokenizer(GgufMetadata metadata, Vocabulary vocabulary)
        : base(metadata, vocabulary, new TokenBytes(metadata, vocabulary, SpaceMark.Spell))
    {
        _vocabulary = vocabulary;
        _ranks = ReadRanks(metadata);
        AddsSpacePrefix = metadata.GetBool("tokenizer.ggml.add_space_prefix", true);
        _byteTokens = new ByteTokens(vocabulary);

        // No merge reaches over the end of a word if no piece does: then words can be encoded, and remembered, one by one.
        _splitsAtSpaces = true;
        for (var id = 0; id < vocabulary.Count; id++)
        {
            if (!vocabulary.IsText(id))
                continue;
            _longestPiece = Math.Max(_longestPiece, vocabulary.Piece(id).Length);
            _splitsAtSpaces &= SpaceMark.WordEnd(vocabulary.Piece(id)) == vocabulary.Piece(id).Length;
        }

        // Phi-3's own tokenizer strips white space after most of its special tokens; GGUF has no field for that.
        var name = metadata.GetString("general.name", "");
        _stripsAfterSpecial = name.Contains("phi-3", StringComparison.OrdinalIgnoreCase) || name.Contains("phi3", StringComparison.OrdinalIgnoreCase);
    }

    internal override bool AddsSpacePrefix { get; }

    private protected override bool StripsAfter(int id) => _stripsAfterSpecial && _vocabulary.Piece(id) is not ("<unk>" or "<s>" or "<|endoftext|>");

    private protected override void EncodeText(ReadOnlySpan<char> text, bool atStart, List<int> ids)
    {
        var prefix = atStart && AddsSpacePrefix ? 1 : 0;
        var rented = ArrayPool<char>.Shared.Rent(text.Length + prefix);
        var normal = rented.AsSpan(0, text.Length + prefix);
        normal[0] = SpaceMark.Mark;
        text.Replace(normal[prefix..], ' ', SpaceMark.Mark);
        SpaceMark.ReplaceLoneSurrogates(normal);

        for (ReadOnlySpan<char> rest = normal; !rest.IsEmpty;)
        {
            var word = _splitsAtSpaces ? rest[..SpaceMark.WordEnd(rest)] : rest;
            rest = rest[word.Length..];
            if (_cache.TryAppend(word, ids))
                continue;
            var start = ids.Count;
            EncodeWord(word, ids);
            _cache.Add(word, CollectionsMarshal.AsSpan(ids)[start..]);
        }
        ArrayPool<char>.Shared.Return(rented);
    }

    private void EncodeWord(ReadOnlySpan<char> word, List<int> ids)
    {
        var lookup = _vocabulary.Ids.GetAlternateLookup<ReadOnlySpan<char>>();
        var merger = SymbolMerger.Rent();
        for (var start = 0; start < word.Length;)
        {
            Rune.DecodeFromUtf16(word[start..], out _, out var length);
            var id = lookup.TryGetValue(word.Slice(start, length), out var found) && _vocabulary.IsText(found) ? found : -1;
            merger.Add(start, length, id);
            start += length;
        }
        merger.Merge(new ScoreRule(this, word));
        for (var index = 0; merger.TryRead(ref index, out var symbol);)
        {
            if (symbol.Id >= 0)
                ids.Add(symbol.Id);
            else if (!_byteTokens.TryAppend(word.Slice(symbol.Start, symbol.Length), ids) && _vocabulary.UnknownId is { } unknown)
                ids.Add(unknown);
        }
        merger.Return();
    }

    private uint[] ReadRanks(GgufMetadata metadata)
    {
        var scores = _vocabulary.ReadScores(metadata);
        var ranks = new uint[scores.Length];
        for (var id = 0; id < ranks.Length; id++)
        {
            // The bits of floats ascend with positive values and descend with negative ones; adding 0 makes -0 into 0.
            var bits = BitConverter.SingleToUInt32Bits(scores[id] + 0f);
            ranks[id] = bits >> 31 == 0 ? bits ^ 0x7FFF_FFFF : bits;
        }
        return ranks;
    }

    private readonly ref struct ScoreRule(SentencePieceTokenizer tokenizer, ReadOnlySpan<char> word) : IMergeRule
    {
        private readonly ReadOnlySpan<char> _word = word;

        public bool TryMerge(in Symbol left, in Symbol right, out uint rank, out int id)
        {
            (rank, id) = (0, -1);
            var length = left.Length + right.Length;
            if (length > tokenizer._longestPiece
                || !tokenizer._vocabulary.Ids.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(_word.Slice(left.Start, length), out id)
                || !tokenizer._vocabulary.IsText(id))
                return false;
            rank = tokenizer._ranks[id];
            return true;
        }
    }
}
