using CsCheck;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Tests.Tokenization;

public sealed class BytePairTokenizerTests
{
    [Fact]
    public void Encode_TwoMergesCompete_TheLowerRankGoesFirst()
    {
        var tokenizer = Make("gpt-2", ["b c", "a b"]);

        Assert.Equal(["a", "bc"], Pieces(tokenizer, "abc"));
        Assert.Equal(["ab"], Pieces(tokenizer, "ab"));
    }

    [Fact]
    public void Encode_EqualRanks_TheLeftmostGoesFirst() =>
        Assert.Equal(["aa", "aa", "a"], Pieces(Make("gpt-2", ["a a"]), "aaaaa"));

    [Fact]
    public void Encode_SpaceBeforeAWord_BelongsToIt() =>
        Assert.Equal(["ab", "Ġab", "Ġ", "Ġab"], Pieces(Make("gpt-2", ["a b", "Ġ ab"]), "ab ab  ab"));

    [Fact]
    public void Encode_StepOutsideTheVocabulary_StillLeadsOn()
    {
        var metadata = VocabularyFiles.BytePair("gpt-2", ["a b", "ab c"]);
        var tokens = metadata.GetStrings("tokenizer.ggml.tokens").Select(piece => piece == "ab" ? "unreachable" : piece).ToArray();
        var tokenizer = Tokenizer.FromGguf(metadata.With("tokenizer.ggml.tokens", GgufValue.Of(tokens)));

        Assert.Equal(["abc"], Pieces(tokenizer, "abc"));
        Assert.Equal(["a", "b", "x"], Pieces(tokenizer, "abx"));
    }

    [Fact]
    public void Encode_WordThatIsAToken_IsItOnlyWhereThePreTokenizerPrefersWholeWords()
    {
        (string, TokenKind) word = ("abc", TokenKind.Normal);

        Assert.Equal(["abc"], Pieces(Make("llama-bpe", ["a b"], word), "abc"));
        Assert.Equal(["ab", "c"], Pieces(Make("qwen2", ["a b"], word), "abc"));
    }

    [Fact]
    public void Encode_ByteWithoutToken_IsLeftOut()
    {
        var metadata = VocabularyFiles.Metadata(
            ("tokenizer.ggml.model", GgufValue.Of("gpt2")),
            ("tokenizer.ggml.tokens", GgufValue.Of(["A", "B", "C"])),
            ("tokenizer.ggml.merges", GgufValue.Of(["A B"])));

        Assert.Equal([0, 1, 2], Tokenizer.FromGguf(metadata).Encode("AB-C"));
    }

    [Fact]
    public void Encode_SpecialTokens_AreParsedOnDemandOnly()
    {
        var tokenizer = Make("qwen2", [], ("<|im_end|>", TokenKind.Control), ("<think>", TokenKind.UserDefined));

        Assert.Equal(["a", "<|im_end|>", "<think>", "b"], Pieces(tokenizer, "a<|im_end|><think>b"));
        var untrusted = tokenizer.Encode("a<|im_end|><think>b", parseSpecial: false);
        Assert.DoesNotContain(untrusted, id => tokenizer.IsSpecial(id));
        Assert.Equal("a<|im_end|><think>b", tokenizer.Decode(untrusted));
        Assert.Equal("<think>", tokenizer.GetPiece(untrusted[^2]));
    }

    [Fact]
    public void Encode_SpecialTokensThatOverlap_TheLeftmostAndThenTheLongestWins()
    {
        var tokenizer = Make("qwen2", [], ("<a>", TokenKind.Control), ("<a><b>", TokenKind.Control), ("b><c>", TokenKind.Control));

        Assert.Equal(["<a><b>", "<a>", "x", "<", "b><c>"], Pieces(tokenizer, "<a><b><a>x<b><c>"));
    }

    [Fact]
    public void Encode_AddSpecial_PutsBeginAndEndWhereTheFileAsks()
    {
        var metadata = VocabularyFiles.BytePair("gpt-2", [], ("<s>", TokenKind.Control), ("<e>", TokenKind.Control))
            .With("tokenizer.ggml.bos_token_id", GgufValue.Of(256)).With("tokenizer.ggml.eos_token_id", GgufValue.Of(257));
        var both = Tokenizer.FromGguf(metadata.With("tokenizer.ggml.add_bos_token", GgufValue.Of(true)).With("tokenizer.ggml.add_eos_token", GgufValue.Of(true)));

        Assert.Equal([256, 97, 257], both.Encode("a").Select(id => id < 256 ? 97 : id));
        Assert.Equal([256, 257], both.Encode(""));
        Assert.Empty(both.Encode("", addSpecial: false));
        Assert.False(Tokenizer.FromGguf(metadata).AddsBos);
        Assert.True(Tokenizer.FromGguf(metadata.With("tokenizer.ggml.pre", GgufValue.Of("llama-bpe"))).AddsBos);
    }

    [Fact]
    public void Encode_LoneSurrogates_CountAsReplacementCharacters()
    {
        var tokenizer = Make("qwen2", []);

        Assert.Equal(tokenizer.Encode("a\uFFFDb\uFFFD"), tokenizer.Encode("a\uD83Db\uDE42"));
    }

    [Fact]
    public void Encode_RandomMerges_EqualsTheMergeLoopWrittenOut()
    {
        var piece = Gen.Char['a', 'c'].Array[1, 3].Select(letters => new string(letters));
        Gen.Select(Gen.Select(piece, piece).Array[0, 12], Gen.Char['a', 'c'].Array[0, 40]).Sample((pairs, letters) =>
        {
            var merges = pairs.Select(pair => $"{pair.Item1} {pair.Item2}").ToArray();
            var tokenizer = Make("gpt-2", merges);
            Assert.Equal(MergeSlowly(new string(letters), merges), Pieces(tokenizer, new string(letters)));
        }, iter: 300);
    }

    [Fact]
    public void Decode_VocabularyThatAsksForIt_JoinsPunctuation_AndStreamingDoesNot()
    {
        var tokenizer = Make("gpt-2", []);
        var ids = tokenizer.Encode("it 's a ? b , 'x ' y");
        var stream = tokenizer.CreateDetokenizer();

        Assert.Equal("it's a? b, 'x'y", tokenizer.Decode(ids));
        Assert.Equal("it 's a ? b , 'x ' y", string.Concat(ids.Select(stream.Append)) + stream.Flush());
    }

    private static Tokenizer Make(string pre, string[] merges, params (string Text, TokenKind Kind)[] more) =>
        Tokenizer.FromGguf(VocabularyFiles.BytePair(pre, merges, more));

    private static IEnumerable<string> Pieces(Tokenizer tokenizer, string text) => tokenizer.Encode(text, addSpecial: false).Select(tokenizer.GetPiece);

    private static List<string> MergeSlowly(string word, string[] merges)
    {
        var symbols = word.Select(letter => letter.ToString()).ToList();
        while (true)
        {
            var best = Enumerable.Range(0, Math.Max(0, symbols.Count - 1))
                .Select(i => (Rank: Array.IndexOf(merges, $"{symbols[i]} {symbols[i + 1]}"), At: i))
                .Where(candidate => candidate.Rank >= 0)
                .DefaultIfEmpty((Rank: -1, At: -1)).Min();
            if (best.At < 0)
                return symbols;
            symbols[best.At] += symbols[best.At + 1];
            symbols.RemoveAt(best.At + 1);
        }
    }
}
