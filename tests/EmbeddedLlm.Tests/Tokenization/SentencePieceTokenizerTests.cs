using CsCheck;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Tests.Tokenization;

public sealed class SentencePieceTokenizerTests
{
    private static readonly (string, float)[] Letters = [("▁", -20), ("a", -21), ("b", -22), ("c", -23)];

    [Fact]
    public void Encode_TwoUnionsCompete_TheBetterScoreGoesFirst()
    {
        var tokenizer = Make([.. Letters, ("ab", -2), ("bc", -1)]);

        Assert.Equal(["▁", "a", "bc"], Pieces(tokenizer, "abc"));
    }

    [Fact]
    public void Encode_EqualScores_TheLeftmostGoesFirst() =>
        Assert.Equal(["▁", "aa", "aa", "a"], Pieces(Make([.. Letters, ("aa", -1)]), "aaaaa"));

    [Fact]
    public void Encode_PositiveScores_AreBetterThanNegativeOnes() =>
        Assert.Equal(["▁", "a", "bc"], Pieces(Make([.. Letters, ("ab", -0.5f), ("bc", 2)]), "abc"));

    [Fact]
    public void Encode_CharacterWithoutToken_BecomesItsBytes()
    {
        var tokenizer = Make(Letters);

        Assert.Equal(["▁", "a", "<0xC3>", "<0xA9>", "<0xF0>", "<0x9F>", "<0x99>", "<0x82>"], Pieces(tokenizer, "aé🙂"));
        Assert.Equal("aé🙂", tokenizer.Decode(tokenizer.Encode("aé🙂", addSpecial: false)));
    }

    [Fact]
    public void Encode_LoneSurrogates_CountAsReplacementCharacters()
    {
        foreach (var tokenizer in (Tokenizer[])[Make(Letters), Make([.. Letters, ("\uFFFD", -3)])])
            Assert.Equal(tokenizer.Encode("a\uFFFDb🙂\uFFFD\uFFFD"), tokenizer.Encode("a\uD83Db🙂\uDE42\uD83D"));
    }

    [Fact]
    public void Encode_NeitherTokenNorBytes_IsUnknown()
    {
        var metadata = VocabularyFiles.Metadata(
            ("tokenizer.ggml.model", GgufValue.Of("llama")),
            ("tokenizer.ggml.tokens", GgufValue.Of(["<unk>", "<s>", "</s>", "▁", "a"])),
            ("tokenizer.ggml.token_type", GgufValue.Of([2, 3, 3, 1, 1])),
            ("tokenizer.ggml.scores", GgufValue.Of([0f, 0, 0, -1, -2])));

        Assert.Equal([1, 3, 4, 0, 4], Tokenizer.FromGguf(metadata).Encode("aéa"));
    }

    [Fact]
    public void Encode_SpacePrefix_StandsAtTheBeginningAndAfterSpecialTokens()
    {
        var tokenizer = Make([.. Letters, ("▁a", -1)]);

        Assert.Equal(["<s>", "▁a", "</s>", "▁a", "▁a"], tokenizer.Encode("a</s>a a").Select(tokenizer.GetPiece));
        Assert.Equal([1], tokenizer.Encode(""));
    }

    [Fact]
    public void Encode_NoSpacePrefix_AddsNoneAndDecodingRemovesNone()
    {
        var tokenizer = Tokenizer.FromGguf(VocabularyFiles.SentencePiece(Letters).With("tokenizer.ggml.add_space_prefix", GgufValue.Of(false)));

        Assert.Equal(["a"], Pieces(tokenizer, "a"));
        Assert.Equal(" a", tokenizer.Decode(tokenizer.Encode(" a", addSpecial: false)));
    }

    [Fact]
    public void Encode_ControlTokensWrittenOut_AreNeverMadeFromUntrustedText()
    {
        // "<s" and ">" would merge into the begin token if the text of control tokens counted as text.
        var tokenizer = Make([("▁", -9), ("<", -8), ("s", -7), (">", -6), ("<s", -1)]);

        Assert.Equal(["▁", "<s", ">"], tokenizer.Encode("<s>", addSpecial: false, parseSpecial: false).Select(tokenizer.GetPiece));
        Assert.Equal([1], tokenizer.Encode("<s>", addSpecial: false));
    }

    [Fact]
    public void Encode_PieceOverTheEndOfAWord_IsFound()
    {
        var tokenizer = Make([.. Letters, ("a▁", -3), ("a▁b", -1)]);

        Assert.Equal(["▁", "a▁b", "c"], Pieces(tokenizer, "a bc"));
    }

    [Fact]
    public void Encode_NamedPhi3_StripsWhiteSpaceAfterMostSpecialTokens()
    {
        var metadata = VocabularyFiles.SentencePiece(Letters).With("general.name", GgufValue.Of("Phi-3 mini"));

        Assert.Equal("a</s>b<s>\n", string.Concat(Pieces(Tokenizer.FromGguf(metadata), "a</s> \nb<s>\n")).Replace("▁", "").Replace("<0x0A>", "\n"));
    }

    [Fact]
    public void Encode_RandomScores_EqualsTheMergeLoopWrittenOut()
    {
        var piece = Gen.Select(Gen.Char["abc▁"].Array[2, 4].Select(letters => new string(letters)), Gen.Int[-3, 3].Select(score => (float)score));
        Gen.Select(piece.Array[0, 12], Gen.Char["abc "].Array[1, 40]).Sample((pieces, letters) =>
        {
            var distinct = pieces.DistinctBy(p => p.Item1).ToArray();
            var text = new string(letters);
            Assert.Equal(MergeSlowly("▁" + text.Replace(' ', '▁'), distinct.ToDictionary(p => p.Item1, p => p.Item2)), Pieces(Make([.. Letters, .. distinct]), text));
        }, iter: 300);
    }

    [Fact]
    public void Decode_BeginTokenRemoved_KeepsTheSpaceAfterIt()
    {
        var tokenizer = Make([.. Letters, ("▁a", -1)]);
        var ids = tokenizer.Encode("a a");

        Assert.Equal(" a a", tokenizer.Decode(ids, removeSpecial: true));
        Assert.Equal("a a", tokenizer.Decode(ids.AsSpan(1), removeSpecial: true));
        Assert.Equal("<s> a a", tokenizer.Decode(ids));
    }

    private static Tokenizer Make(params (string Text, float Score)[] pieces) => Tokenizer.FromGguf(VocabularyFiles.SentencePiece(pieces));

    private static IEnumerable<string> Pieces(Tokenizer tokenizer, string text) => tokenizer.Encode(text, addSpecial: false).Select(tokenizer.GetPiece);

    private static List<string> MergeSlowly(string text, Dictionary<string, float> scores)
    {
        var symbols = text.Select(letter => letter.ToString()).ToList();
        while (true)
        {
            var best = Enumerable.Range(0, symbols.Count - 1)
                .Where(i => scores.ContainsKey(symbols[i] + symbols[i + 1]))
                .OrderByDescending(i => scores[symbols[i] + symbols[i + 1]]).ThenBy(i => i)
                .DefaultIfEmpty(-1).First();
            if (best < 0)
                return symbols;
            symbols[best] += symbols[best + 1];
            symbols.RemoveAt(best + 1);
        }
    }
}
