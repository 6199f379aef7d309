using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using EmbeddedLlm.Gguf;

namespace EmbeddedLlm.Tokenization;

/// <summary>
/// WordPiece (<c>bert</c>): text is split at white space and around marks and Chinese characters; a word is the longest token that begins it,
/// then the longest that begins the rest, and the unknown token where none does (<see href="https://arxiv.org/abs/1810.04805">Devlin et al. 2018</see>).
/// In GGUF the tokens that begin words are written with ▁, those that continue them without.
/// </summary>
internal sealed class WordPieceTokenizer : Tokenizer
{
    // BERT's own vocabulary, for files that do not say.
    private const int Begin = 101;
    private const int Separator = 102;
    private const int Unknown = 100;

    private readonly int _unknownId;
    private readonly SortedPieces _pieces;
    private readonly bool _lowers;
    private readonly bool _stripsAccents;
    private readonly WordCache _cache = new();

    public WordPieceTokenizer(GgufMetadata metadata)
        : this(metadata, new Vocabulary(metadata, defaultBos: metadata.GetInt("tokenizer.ggml.cls_token_id", Begin), defaultUnknown: Unknown, addsBos: true))
    {
    }

    private WordPieceTokenizer(GgufMetadata metadata, Vocabulary vocabulary)
        : base(metadata, vocabulary, new TokenBytes(metadata, vocabulary, SpaceMark.Spell))
    {
        _unknownId = vocabulary.RequireUnknown(metadata);
        LastId = vocabulary.ReadId(metadata, "seperator", Separator) // the key is spelled so
            ?? throw metadata.Wrong("tokenizer.ggml.seperator_token_id", "the id of the token that ends a text", "none");
        _lowers = metadata.GetBool("tokenizer.ggml.normalizer.lowercase", true);
        _stripsAccents = metadata.GetBool("tokenizer.ggml.normalizer.strip_accents", _lowers);
        _pieces = new SortedPieces(metadata, vocabulary);
    }

    private protected override int? LastId { get; }

    private protected override bool CleansSpaces => true;

    private protected override void EncodeText(ReadOnlySpan<char> text, bool atStart, List<int> ids)
    {
        var rented = ArrayPool<char>.Shared.Rent(1 + (2 * text.Length));
        rented[0] = SpaceMark.Mark;
        var length = 1; // of the word so far, with its ▁
        foreach (var raw in text.EnumerateRunes())
        {
            // The marks behind the first character would be stripped anyway; of a Hangul syllable llama.cpp, too, keeps the first consonant alone.
            var rune = raw.IsAscii || !_stripsAccents ? raw : Decompositions.FirstOf(raw);
            if (Rune.IsWhiteSpace(rune))
            {
                AppendWord(rented, ref length, ids);
                continue;
            }
            var category = Rune.GetUnicodeCategory(rune);
            if (rune == Rune.ReplacementChar || IsControl(category) || (_stripsAccents && IsMark(category)))
                continue;
            var stands = IsPunctuation(category) || (rune.IsAscii && IsSymbol(category)) || IsChinese(rune.Value);
            if (stands)
                AppendWord(rented, ref length, ids);
            length += (_lowers ? Rune.ToLowerInvariant(rune) : rune).EncodeToUtf16(rented.AsSpan(length));
            if (stands)
                AppendWord(rented, ref length, ids);
        }
        AppendWord(rented, ref length, ids);
        ArrayPool<char>.Shared.Return(rented);
    }

    private void AppendWord(ReadOnlySpan<char> buffer, ref int length, List<int> ids)
    {
        var word = buffer[..length];
        length = 1;
        if (word.Length == 1 || _cache.TryAppend(word, ids))
            return;
        var start = ids.Count;
        EncodeWord(word, ids);
        _cache.Add(word, CollectionsMarshal.AsSpan(ids)[start..]);
    }

    private void EncodeWord(ReadOnlySpan<char> word, List<int> ids)
    {
        var start = ids.Count;
        while (!word.IsEmpty)
        {
            var length = _pieces.LongestAt(word, out var id);
            if (length == 0)
            {
                ids.RemoveRange(start, ids.Count - start);
                ids.Add(_unknownId);
                return;
            }
            ids.Add(id);
            word = word[length..];
        }
    }

    private static bool IsControl(UnicodeCategory category) =>
        category is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse;

    private static bool IsMark(UnicodeCategory category) =>
        category is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark;

    private static bool IsPunctuation(UnicodeCategory category) => category is >= UnicodeCategory.ConnectorPunctuation and <= UnicodeCategory.OtherPunctuation;

    private static bool IsSymbol(UnicodeCategory category) => category is >= UnicodeCategory.MathSymbol and <= UnicodeCategory.OtherSymbol;

    // The blocks of Chinese characters in BERT's own tokenizer. Its successors begin one of them at 2B920.
    private static bool IsChinese(int value) => value is
        (>= 0x4E00 and <= 0x9FFF) or (>= 0x3400 and <= 0x4DBF) or (>= 0xF900 and <= 0xFAFF) or (>= 0x20000 and <= 0x2A6DF) or
        (>= 0x2A700 and <= 0x2B73F) or (>= 0x2B740 and <= 0x2B81F) or (>= 0x2B920 and <= 0x2CEAF) or (>= 0x2F800 and <= 0x2FA1F);
}
