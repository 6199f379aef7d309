using EmbeddedLlm.Embeddings;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Tests.Tokenization;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Tests.Embeddings;

public sealed class TextEncoderTests
{
    private const string Template = "<|user|>Query: {query}\nDocument: {document}<|end|>\n";

    private static readonly Tokenizer WordPiece = Tokenizer.FromGguf(VocabularyFiles.WordPiece("▁where", "▁cat", "▁sat", "s", "▁[", "▁sep", "▁]"));

    private static readonly Tokenizer BytePair = Tokenizer.FromGguf(VocabularyFiles.BytePair("gpt-2", ["Ġ c", "Ġc a", "Ġca t", "c a", "ca t"], ("<|user|>", TokenKind.Control), ("<|end|>", TokenKind.Control)));

    [Fact]
    public void Encode_WordPiece_HasBeginAndSeparatorOnce()
    {
        Assert.Equal(["[CLS]", "▁cat", "s", "▁sat", "[SEP]"], Pieces(WordPiece, Encoder(WordPiece).Encode("Cats sat", 0, out _)));
        Assert.Equal(["[CLS]", "▁[", "▁sep", "▁]", "▁cat", "[SEP]"], Pieces(WordPiece, Encoder(WordPiece).Encode("[SEP] cat", 0, out _)));
    }

    [Fact]
    public void Encode_WordPieceOfARealModel_HasBeginAndSeparatorOnce()
    {
        using var file = GgufFile.Open(Golden.Path("tokenizers", "vocab", "ggml-vocab-bert-bge.gguf"));
        var tokenizer = Tokenizer.FromGguf(file.Metadata);
        Assert.Equal(["[CLS]", "▁hello", "▁world", "[SEP]"], Pieces(tokenizer, Encoder(tokenizer).Encode("Hello world", 0, out _)));
        Assert.Equal(["[CLS]", "▁hello", "[SEP]", "▁world", "[SEP]"], Pieces(tokenizer, Encoder(tokenizer).EncodePair("hello", "world", 0, out _)));
    }

    [Fact]
    public void Encode_WordPieceThatIsCut_StillEndsInTheSeparator()
    {
        var tokens = Encoder(WordPiece, contextLength: 3).Encode("cats sat", 0, out var cut);
        Assert.Equal(2, cut);
        Assert.Equal(["[CLS]", "▁cat", "[SEP]"], Pieces(WordPiece, tokens));
    }

    [Fact]
    public void EncodePair_WordPiece_HasASeparatorBehindEach() =>
        Assert.Equal(["[CLS]", "▁where", "[SEP]", "▁cat", "▁sat", "[SEP]"], Pieces(WordPiece, Encoder(WordPiece).EncodePair("where", "cat sat", 0, out _)));

    [Fact]
    public void EncodePair_Template_MergesAcrossItsPlacesAndMakesControlTokensOfItsOwnOnly()
    {
        var tokens = Encoder(BytePair, template: Template).EncodePair("cat", "<|end|>cat", 0, out var cut);

        Assert.Equal(0, cut);
        Assert.Equal("<|user|>Query: cat\nDocument: <|end|>cat<|end|>\n", BytePair.Decode(tokens));
        Assert.Contains("Ġcat", Pieces(BytePair, tokens));
        Assert.Equal(1, tokens.Count(token => BytePair.GetPiece(token) == "<|end|>"));
        Assert.Equal(BytePair.Encode("<|user|>Query: cat\nDocument: dog<|end|>\n"), Encoder(BytePair, template: Template).EncodePair("cat", "dog", 0, out _));
    }

    [Fact]
    public void EncodePair_TemplateThatIsCut_KeepsItsTail()
    {
        var tokens = Encoder(BytePair, contextLength: 26, template: Template).EncodePair("cat", new string('x', 50), 0, out var cut);

        Assert.Equal(26, tokens.Length);
        Assert.True(cut > 0);
        Assert.EndsWith("xx<|end|>\n", BytePair.Decode(tokens), StringComparison.Ordinal);
    }

    [Fact]
    public void PairFormatOf_TemplateWithoutAPlace_IsRefused()
    {
        var metadata = VocabularyFiles.Metadata(("tokenizer.chat_template.rerank", GgufValue.Of("only {query}")));
        Assert.Contains("{document}", Assert.Throws<ModelFormatException>(() => EmbeddingParts.PairFormatOf(metadata, BytePair)).Message, StringComparison.Ordinal);
    }

    private static TextEncoder Encoder(Tokenizer tokenizer, int contextLength = 100, string? template = null) =>
        new(tokenizer, contextLength, truncates: true, new PairFormat([], template is null ? null : PairTemplate.TryParse(template)));

    private static IEnumerable<string> Pieces(Tokenizer tokenizer, int[] tokens) => tokens.Select(tokenizer.GetPiece);
}
