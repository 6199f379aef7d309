using CsCheck;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Tests.Tokenization;

public sealed class UnigramTokenizerTests
{
    private static readonly (string, float)[] Letters = [("▁", -4), ("a", -5), ("b", -6), ("c", -7)];

    [Fact]
    public void Encode_SeveralWaysToSpell_TheHighestSumWins()
    {
        Assert.Equal(["▁ab", "c"], Pieces(Make([.. Letters, ("▁ab", -3), ("bc", -2), ("▁a", -9)]), "abc"));
        Assert.Equal(["▁a", "bc"], Pieces(Make([.. Letters, ("▁ab", -3), ("bc", -2), ("▁a", -7)]), "abc"));
    }

    [Fact]
    public void Encode_EqualSums_TheLongerLastTokenWins() =>
        Assert.Equal(["▁", "a", "aa"], Pieces(Make([.. Letters, ("aa", -3)]), "aaa"));

    [Fact]
    public void Encode_UnknownCharactersSideBySide_AreOneUnknownToken() =>
        Assert.Equal(["▁", "<unk>", "a", "<unk>"], Pieces(Make(Letters), "é🙂aß"));

    [Fact]
    public void Encode_NoTokenForSpaces_UnknownReachesOverWords() =>
        Assert.Equal(["<unk>", "a", "<unk>"], Pieces(Make([("a", -1)]), "é a éé é"));

    [Fact]
    public void Encode_VocabularyWithBytes_SpellsUnknownCharactersInThem()
    {
        var pieces = Enumerable.Range(0, 256).Select(value => $"<0x{value:X2}>").ToArray();
        var metadata = VocabularyFiles.Unigram([.. Letters, .. pieces.Select(piece => (piece, 0f))])
            .With("tokenizer.ggml.token_type", GgufValue.Of([3, 3, 2, 1, 1, 1, 1, .. pieces.Select(_ => (int)TokenKind.Byte)]));
        var tokenizer = Tokenizer.FromGguf(metadata);

        Assert.Equal(["▁", "<0xC3>", "<0xA9>", "a"], Pieces(tokenizer, "éa"));
        Assert.Equal("éa", tokenizer.Decode(tokenizer.Encode("éa", addSpecial: false)));
    }

    [Fact]
    public void Encode_AddSpecial_EndsTheText() => Assert.Equal([3, 4, 1], Make(Letters).Encode("a"));

    [Theory]
    [InlineData(true, true, "  a  b ", "▁|a|▁|b")]
    [InlineData(true, false, " a  b ", "▁|▁|a|▁|▁|b|▁")]
    [InlineData(false, true, "  a  b ", "a|▁|b")]
    [InlineData(false, false, "a  b", "a|▁|▁|b")]
    [InlineData(true, true, "   ", "")]
    public void Encode_Spaces_AreWhatTheFileSays(bool prefix, bool removes, string text, string pieces)
    {
        var metadata = VocabularyFiles.Unigram(Letters)
            .With("tokenizer.ggml.add_space_prefix", GgufValue.Of(prefix)).With("tokenizer.ggml.remove_extra_whitespaces", GgufValue.Of(removes));

        Assert.Equal(pieces.Split('|', StringSplitOptions.RemoveEmptyEntries), Pieces(Tokenizer.FromGguf(metadata), text));
    }

    [Fact]
    public void Encode_UserDefinedToken_IsOneTokenWhereverItStands()
    {
        var metadata = VocabularyFiles.Unigram([.. Letters, ("<x>", -100)]).With("tokenizer.ggml.token_type", GgufValue.Of([3, 3, 2, 1, 1, 1, 1, 4]));

        Assert.Equal(["▁", "a", "<x>", "▁", "b"], Pieces(Tokenizer.FromGguf(metadata), "a<x>b"));
    }

    [Fact]
    public void Encode_RandomVocabulary_SumsHighestOfAllWays()
    {
        var piece = Gen.Select(Gen.Char["ab▁"].Array[1, 4].Select(letters => new string(letters)), Gen.Int[-12, -1].Select(score => (float)score));
        Gen.Select(piece.Array[0, 12], Gen.Char["ab "].Array[1, 12]).Sample((pieces, letters) =>
        {
            var all = Letters.Concat(pieces).DistinctBy(p => p.Item1).ToDictionary(p => p.Item1, p => p.Item2);
            var text = new string(letters);
            var metadata = VocabularyFiles.Unigram([.. all.Select(p => (p.Key, p.Value))]).With("tokenizer.ggml.remove_extra_whitespaces", GgufValue.Of(false));
            var found = Pieces(Tokenizer.FromGguf(metadata), text).ToArray();
            var normal = "▁" + text.Replace(' ', '▁');

            Assert.Equal(normal, string.Concat(found));
            Assert.Equal(BestSum(normal, all), found.Sum(p => all[p]), 1e-3);
        }, iter: 300);
    }

    private static Tokenizer Make(params (string Text, float Score)[] pieces) => Tokenizer.FromGguf(VocabularyFiles.Unigram(pieces));

    private static IEnumerable<string> Pieces(Tokenizer tokenizer, string text) => tokenizer.Encode(text, addSpecial: false).Select(tokenizer.GetPiece);

    private static float BestSum(string text, Dictionary<string, float> scores) => text.Length == 0
        ? 0
        : scores.Where(p => text.StartsWith(p.Key, StringComparison.Ordinal)).Max(p => p.Value + BestSum(text[p.Key.Length..], scores));
}
