using System.Text;
using CsCheck;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Tests.Tokenization;

public sealed class DetokenizerTests
{
    private static readonly Tokenizer Spm = Tokenizer.FromGguf(VocabularyFiles.SentencePiece(("▁", -1), ("▁a", -2), ("é", -3)));
    private static readonly Tokenizer Bpe = Tokenizer.FromGguf(VocabularyFiles.BytePair("qwen2", ["a b", "Ġ ab"], ("<|im_end|>", TokenKind.Control), ("<think>", TokenKind.UserDefined)));

    public static TheoryData<string> Kinds => ["spm", "bpe"];

    [Fact]
    public void Append_CharacterInFourTokens_AppearsWithTheLast()
    {
        var detokenizer = Spm.CreateDetokenizer();

        Assert.Equal(["", "", "", "🙂"], ByteIds("🙂"u8).Select(detokenizer.Append));
        Assert.Equal("", detokenizer.Flush());
    }

    [Fact]
    public void Flush_UnfinishedCharacter_IsAReplacementCharacter()
    {
        var detokenizer = Spm.CreateDetokenizer();

        Assert.Equal(["", ""], ByteIds("🙂"u8[..2]).Select(detokenizer.Append));
        Assert.Equal("\uFFFD", detokenizer.Flush());
        Assert.Equal("", detokenizer.Flush());
    }

    [Fact]
    public void Append_FirstSpace_GoesOnlyWhereATextBegins()
    {
        Assert.True(Spm.TryGetId("▁a", out var id));
        var begins = Spm.CreateDetokenizer();
        var continues = Spm.CreateDetokenizer(beginsText: false);

        Assert.Equal(["a", " a"], [begins.Append(id), begins.Append(id)]);
        Assert.Equal([" a", " a"], [continues.Append(id), continues.Append(id)]);
    }

    [Fact]
    public void Append_ControlTokens_AreLeftOutOnDemand()
    {
        Assert.True(Bpe.TryGetId("<|im_end|>", out var control));
        Assert.True(Bpe.TryGetId("<think>", out var userDefined));

        Assert.Equal("", Bpe.CreateDetokenizer().Append(control));
        Assert.Equal("<|im_end|>", Bpe.CreateDetokenizer(removeSpecial: false).Append(control));
        Assert.Equal("<think>", Bpe.CreateDetokenizer().Append(userDefined));
    }

    [Fact]
    public void Append_IdOutsideTheVocabulary_Throws()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Bpe.CreateDetokenizer().Append(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Bpe.CreateDetokenizer().Append(Bpe.VocabularySize));
        Assert.Throws<ArgumentOutOfRangeException>(() => Bpe.Decode([Bpe.VocabularySize]));
    }

    [Fact]
    public void Decode_AnyBytes_AreWhatUtf8MakesOfThem() =>
        Gen.Byte.Array[0, 40].Sample(bytes => Assert.Equal(Encoding.UTF8.GetString(bytes).Replace(' ', '_'), Spm.Decode([3, .. ByteIds(bytes)])[1..].Replace(' ', '_')));

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Append_AnyTokens_JoinToTheDecodedText(string kind)
    {
        var tokenizer = kind == "spm" ? Spm : Bpe;
        Gen.Select(Gen.Int[0, tokenizer.VocabularySize - 1].Array[0, 60], Gen.Bool).Sample((ids, removeSpecial) =>
        {
            var pieces = Stream(tokenizer, ids, removeSpecial);

            Assert.All(pieces, AssertWholeCharacters);
            Assert.Equal(tokenizer.Decode(ids, removeSpecial), string.Concat(pieces));
        });
    }

    [Fact]
    public void Append_ValidText_NeverShowsAReplacementCharacter() =>
        Gen.Char.Array[0, 30].Select(characters => new string(characters)).Where(text => !text.Contains('\uFFFD') && IsWhole(text)).Sample(text =>
        {
            var pieces = Stream(Bpe, Bpe.Encode(text, parseSpecial: false), removeSpecial: true);

            Assert.DoesNotContain(pieces, piece => piece.Contains('\uFFFD'));
            Assert.Equal(text, string.Concat(pieces));
        });

    [Fact]
    public void Append_WholeCharactersSeenBefore_AllocatesNothing()
    {
        var detokenizer = Bpe.CreateDetokenizer();
        var ids = Bpe.Encode("ab ab, a b!", addSpecial: false);
        void Append()
        {
            foreach (var id in ids)
                detokenizer.Append(id);
        }

        Append();
        var before = GC.GetAllocatedBytesForCurrentThread();
        Append();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Append_StoriesModel_JoinsToTheDecodedText()
    {
        using var file = GgufFile.Open(Golden.Path("trained", "stories260K", "stories260K-f32.gguf"));
        var tokenizer = Tokenizer.FromGguf(file.Metadata);
        var ids = tokenizer.Encode("Once upon a time, there was a café 🙂 — ½ ▁ ok", addSpecial: false);

        Assert.Equal("Once upon a time, there was a café 🙂 — ½   ok", string.Concat(Stream(tokenizer, ids, removeSpecial: true)));
    }

    private static List<string> Stream(Tokenizer tokenizer, int[] ids, bool removeSpecial)
    {
        var detokenizer = tokenizer.CreateDetokenizer(removeSpecial);
        List<string> pieces = [.. ids.Select(detokenizer.Append)];
        pieces.Add(detokenizer.Flush());
        return pieces;
    }

    private static bool IsWhole(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)) == text;

    private static void AssertWholeCharacters(string piece) => Assert.True(IsWhole(piece), "A piece holds half a character.");

    private static int[] ByteIds(ReadOnlySpan<byte> bytes)
    {
        var ids = new int[bytes.Length];
        for (var i = 0; i < ids.Length; i++)
            ids[i] = bytes[i] + 3;
        return ids;
    }
}
