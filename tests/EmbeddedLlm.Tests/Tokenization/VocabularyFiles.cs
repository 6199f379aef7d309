using EmbeddedLlm.Gguf;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Tests.Tokenization;

/// <summary>Vocabularies made in the tests.</summary>
internal static class VocabularyFiles
{
    /// <summary>The file that they claim to come from.</summary>
    public const string Source = "test.gguf";

    /// <summary>A byte-level vocabulary: all 256 bytes (ids 0 to 255), what the merges make, then the specials, which are control tokens unless their kind says otherwise.</summary>
    public static GgufMetadata BytePair(string pre, string[] merges, params (string Text, TokenKind Kind)[] more)
    {
        var pieces = Enumerable.Range(0, 256).Select(value => ByteLevelAlphabet.Character((byte)value).ToString())
            .Concat(merges.Select(merge => merge.Remove(merge.IndexOf(' ', 1), 1))).Distinct().ToList();
        return Metadata(
            ("tokenizer.ggml.model", GgufValue.Of("gpt2")),
            ("tokenizer.ggml.pre", GgufValue.Of(pre)),
            ("tokenizer.ggml.tokens", GgufValue.Of([.. pieces, .. more.Select(token => token.Text)])),
            ("tokenizer.ggml.token_type", GgufValue.Of([.. pieces.Select(_ => (int)TokenKind.Normal), .. more.Select(token => (int)token.Kind)])),
            ("tokenizer.ggml.merges", GgufValue.Of(merges)));
    }

    /// <summary>A SentencePiece vocabulary: unknown, begin, end (ids 0 to 2), 256 byte tokens (3 to 258), then the pieces with their scores.</summary>
    public static GgufMetadata SentencePiece(params (string Text, float Score)[] pieces) => Metadata(
        ("tokenizer.ggml.model", GgufValue.Of("llama")),
        ("tokenizer.ggml.tokens", GgufValue.Of(["<unk>", "<s>", "</s>", .. Enumerable.Range(0, 256).Select(value => $"<0x{value:X2}>"), .. pieces.Select(piece => piece.Text)])),
        ("tokenizer.ggml.scores", GgufValue.Of([.. Enumerable.Repeat(0f, 259), .. pieces.Select(piece => piece.Score)])),
        ("tokenizer.ggml.token_type", GgufValue.Of([2, 3, 3, .. Enumerable.Repeat((int)TokenKind.Byte, 256), .. pieces.Select(_ => (int)TokenKind.Normal)])));

    /// <summary>A byte-pair vocabulary of characters: unknown, begin, end (ids 0 to 2), 256 byte tokens (3 to 258), ▁, the letters of the merges, what they make, and more.</summary>
    public static GgufMetadata CharacterPair(string pre, string[] merges, params string[] more)
    {
        var letters = merges.SelectMany(merge => merge.Where(letter => letter != ' ')).Select(letter => letter.ToString());
        var made = merges.Select(merge => merge.Remove(merge.IndexOf(' ', 1), 1));
        return SentencePiece([.. letters.Concat(made).Concat(more).Prepend("▁").Distinct().Select(piece => (piece, 0f))])
            .With("tokenizer.ggml.model", GgufValue.Of("gpt2"))
            .With("tokenizer.ggml.pre", GgufValue.Of(pre))
            .With("tokenizer.ggml.bos_token_id", GgufValue.Of(1))
            .With("tokenizer.ggml.merges", GgufValue.Of(merges));
    }

    /// <summary>A WordPiece vocabulary: unknown, begin, separator (ids 0 to 2), then the pieces.</summary>
    public static GgufMetadata WordPiece(params string[] pieces) => Metadata(
        ("tokenizer.ggml.model", GgufValue.Of("bert")),
        ("tokenizer.ggml.tokens", GgufValue.Of(["[UNK]", "[CLS]", "[SEP]", .. pieces])),
        ("tokenizer.ggml.token_type", GgufValue.Of([3, 3, 3, .. pieces.Select(_ => (int)TokenKind.Normal)])),
        ("tokenizer.ggml.unknown_token_id", GgufValue.Of(0)),
        ("tokenizer.ggml.cls_token_id", GgufValue.Of(1)),
        ("tokenizer.ggml.seperator_token_id", GgufValue.Of(2)));

    /// <summary>A unigram vocabulary: padding, end, unknown (ids 0 to 2), then the pieces with their scores.</summary>
    public static GgufMetadata Unigram(params (string Text, float Score)[] pieces) => Metadata(
        ("tokenizer.ggml.model", GgufValue.Of("t5")),
        ("tokenizer.ggml.tokens", GgufValue.Of(["<pad>", "</s>", "<unk>", .. pieces.Select(piece => piece.Text)])),
        ("tokenizer.ggml.scores", GgufValue.Of([0f, 0f, 0f, .. pieces.Select(piece => piece.Score)])),
        ("tokenizer.ggml.token_type", GgufValue.Of([3, 3, 2, .. pieces.Select(_ => (int)TokenKind.Normal)])));

    /// <summary>Metadata of these pairs.</summary>
    public static GgufMetadata Metadata(params (string Key, GgufValue Value)[] pairs)
    {
        var values = new OrderedDictionary<string, GgufValue>();
        foreach (var (key, value) in pairs)
            values[key] = value;
        return new GgufMetadata(Source, values);
    }

    /// <summary>The same metadata with one value set.</summary>
    public static GgufMetadata With(this GgufMetadata metadata, string key, GgufValue value) =>
        Metadata([.. metadata.Keys.Where(k => k != key).Select(k => (k, metadata[k])), (key, value)]);

    /// <summary>The same metadata without one key.</summary>
    public static GgufMetadata Without(this GgufMetadata metadata, string key) =>
        Metadata([.. metadata.Keys.Where(k => k != key).Select(k => (k, metadata[k]))]);
}
