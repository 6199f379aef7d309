using CsCheck;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Tests.Tokenization;

public sealed class CharacterPairTokenizerTests
{
    [Fact]
    public void Encode_Spaces_AreWrittenAsMarksAndComeBack()
    {
        var tokenizer = Make("gemma4", ["▁ a", "a b"]);

        Assert.Equal(["a", "▁", "▁a", "b"], Pieces(tokenizer, "a  ab"));
        Assert.Equal(" a  ab ", tokenizer.Decode(tokenizer.Encode(" a  ab ", addSpecial: false)));
    }

    [Fact]
    public void Encode_CharacterWithoutToken_BecomesItsBytes()
    {
        var tokenizer = Make("gemma4", ["a b"]);

        Assert.Equal(["ab", "<0xC3>", "<0xA9>", "<0xF0>", "<0x9F>", "<0x99>", "<0x82>"], Pieces(tokenizer, "abé🙂"));
        Assert.Equal(["<0xEF>", "<0xBF>", "<0xBD>", "a"], Pieces(tokenizer, "\uD83Da"));
    }

    [Fact]
    public void Encode_LineEnds_AreOneTokenWhereTheVocabularyHasItAndTheNameAsks()
    {
        // The merges never lead to three line ends.
        Assert.Equal(["a", "\n\n\n", "a"], Pieces(Make("gemma4", ["\n \n"], "\n\n\n", "a"), "a\n\n\na"));
        Assert.Equal(["a", "\n\n", "\n", "a"], Pieces(Make("sarvam-moe", ["\n \n"], "\n\n\n", "a"), "a\n\n\na"));
    }

    [Fact]
    public void Encode_MergeOverTheEndOfAWord_IsFound() =>
        Assert.Equal(["a▁b", "c"], Pieces(Make("gemma4", ["a ▁", "a▁ b", "b c"]), "a bc"));

    [Fact]
    public void FromGguf_ModelGemma4_HasItsPreTokenizerWhateverTheFileSays()
    {
        var metadata = VocabularyFiles.CharacterPair("gemma4", ["a b"]);
        var named = Tokenizer.FromGguf(metadata.With("tokenizer.ggml.model", GgufValue.Of("gemma4")).Without("tokenizer.ggml.pre"));

        Assert.Equal(Tokenizer.FromGguf(metadata).Encode("ab a\n"), named.Encode("ab a\n"));
        Assert.True(named.AddsBos);
        Assert.False(named.GuessesPreTokenizer);
    }

    [Fact]
    public void Encode_WordByWord_EqualsTheWholeLineAtOnce()
    {
        // A merge over the end of a word that no text reaches makes the tokenizer take whole lines.
        string[] merges = ["a b", "▁ ab", "▁ ▁", "b a", "▁ a"];
        var byWord = Make("gemma4", merges);
        var byLine = Make("gemma4", [.. merges, "z ▁"]);
        Gen.Char["ab \n"].Array[0, 60].Select(letters => new string(letters)).Sample(text => Assert.Equal(Pieces(byLine, text), Pieces(byWord, text)));
    }

    private static Tokenizer Make(string pre, string[] merges, params string[] more) => Tokenizer.FromGguf(VocabularyFiles.CharacterPair(pre, merges, more));

    private static IEnumerable<string> Pieces(Tokenizer tokenizer, string text) => tokenizer.Encode(text, addSpecial: false).Select(tokenizer.GetPiece);
}
