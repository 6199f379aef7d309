using EmbeddedLlm.Gguf;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Tests.Tokenization;

public sealed class WordPieceTokenizerTests
{
    [Fact]
    public void Encode_Word_IsTheLongestTokenAndThenTheLongestOfTheRest() =>
        Assert.Equal(["▁un", "aff", "able", "▁un"], Pieces(Make("▁un", "▁u", "n", "aff", "able", "a"), "unaffable un"));

    [Fact]
    public void Encode_WordThatTokensCannotSpell_IsUnknownAsAWhole() =>
        Assert.Equal(["▁a", "[UNK]", "▁a"], Pieces(Make("▁a", "b"), "a abc a"));

    [Fact]
    public void Encode_AddSpecial_PutsBeginAndSeparator()
    {
        var tokenizer = Make("▁a");

        Assert.Equal(["[CLS]", "▁a", "[SEP]"], tokenizer.Encode("a").Select(tokenizer.GetPiece));
        Assert.Equal(["[CLS]", "[SEP]"], tokenizer.Encode("").Select(tokenizer.GetPiece));
        Assert.Equal(["▁a", "[SEP]", "▁a"], Pieces(tokenizer, "a[SEP]a"));
    }

    [Theory]
    [InlineData("Été", "▁ete")]
    [InlineData("İ", "▁i")]
    [InlineData("e\u0301", "▁e")]
    [InlineData("a.b", "▁a|▁.|▁b")]
    [InlineData("a+b", "▁a|▁+|▁b")]
    [InlineData("a×b", "▁a×b")]
    [InlineData("中文a", "▁中|▁文|▁a")]
    [InlineData("\uF900", "▁\u8C48")]
    [InlineData("한", "▁ᄒ")]
    [InlineData("が", "▁か")]
    [InlineData("a\u200Bb\u0000\uFFFDc", "▁abc")]
    [InlineData("a\u00A0b\u2028c\td", "▁a|▁b|▁c|▁d")]
    [InlineData("\uD83Da", "▁a")]
    public void Encode_Text_IsNormalizedAndSplit(string text, string words)
    {
        var pieces = words.Split('|');

        Assert.Equal(pieces, Pieces(Make([.. pieces.Distinct()]), text));
    }

    [Theory]
    [InlineData(true, true, "▁ete")]
    [InlineData(true, false, "▁été")]
    [InlineData(false, true, "▁Ete")]
    [InlineData(false, false, "▁Été")]
    public void Encode_Normalizer_IsWhatTheFileSays(bool lowers, bool strips, string word)
    {
        var metadata = VocabularyFiles.WordPiece("▁ete", "▁été", "▁Ete", "▁Été")
            .With("tokenizer.ggml.normalizer.lowercase", GgufValue.Of(lowers)).With("tokenizer.ggml.normalizer.strip_accents", GgufValue.Of(strips));

        Assert.Equal([word], Pieces(Tokenizer.FromGguf(metadata), "Été"));
    }

    [Fact]
    public void Decode_Words_HaveSpacesBetweenThemAndNoneBeforeMarks()
    {
        var tokenizer = Make("▁it", "s", "▁ok", "▁.");

        Assert.Equal(" its ok.", tokenizer.Decode(tokenizer.Encode("Its ok."), removeSpecial: true));
    }

    [Fact]
    public void Encode_ControlTokensWrittenOut_AreNeverMadeFromUntrustedText()
    {
        var tokenizer = Make("▁[", "▁cls", "▁]");

        Assert.Equal(["▁[", "▁cls", "▁]"], tokenizer.Encode("[CLS]", addSpecial: false, parseSpecial: false).Select(tokenizer.GetPiece));
    }

    private static Tokenizer Make(params string[] pieces) => Tokenizer.FromGguf(VocabularyFiles.WordPiece(pieces));

    private static IEnumerable<string> Pieces(Tokenizer tokenizer, string text) => tokenizer.Encode(text, addSpecial: false).Select(tokenizer.GetPiece);
}
