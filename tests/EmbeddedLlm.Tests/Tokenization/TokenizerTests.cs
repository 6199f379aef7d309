using System.Diagnostics;
using System.Text;
using CsCheck;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Tests.Tokenization;

/// <summary>What holds for every tokenizer: damaged files, odd vocabularies, long texts, many threads.</summary>
public sealed class TokenizerTests
{
    private static readonly GgufMetadata BytePair = VocabularyFiles.BytePair("qwen2", ["a b"], ("<|im_end|>", TokenKind.Control));
    private static readonly GgufMetadata SentencePiece = VocabularyFiles.SentencePiece(("▁", -1), ("a", -2), ("▁a", -3), ("aa", -4));

    private static readonly GgufMetadata WordPiece = VocabularyFiles.WordPiece("▁a", "a");
    private static readonly GgufMetadata Unigram = VocabularyFiles.Unigram(("▁", -1), ("a", -2), ("▁a", -3), ("aa", -4));

    public static TheoryData<string, GgufMetadata> Damaged => new()
    {
        { "tokenizer.ggml.model", BytePair.Without("tokenizer.ggml.model") },
        { "tokenizer.ggml.tokens", BytePair.Without("tokenizer.ggml.tokens") },
        { "tokenizer.ggml.tokens", BytePair.With("tokenizer.ggml.tokens", GgufValue.Of(Array.Empty<string>())) },
        { "tokenizer.ggml.tokens", BytePair.With("tokenizer.ggml.tokens", GgufValue.Of(1)) },
        { "tokenizer.ggml.merges", BytePair.Without("tokenizer.ggml.merges") },
        { "tokenizer.ggml.merges", BytePair.With("tokenizer.ggml.merges", GgufValue.Of(["a b", "ab"])) },
        { "tokenizer.ggml.merges", BytePair.With("tokenizer.ggml.merges", GgufValue.Of([""])) },
        { "tokenizer.ggml.merges", BytePair.With("tokenizer.ggml.merges", GgufValue.Of(["a "])) },
        { "tokenizer.ggml.merges", BytePair.With("tokenizer.ggml.merges", GgufValue.Of([" a"])) },
        { "tokenizer.ggml.token_type", BytePair.With("tokenizer.ggml.token_type", GgufValue.Of([1, 1])) },
        { "tokenizer.ggml.token_type", SentencePiece.With("tokenizer.ggml.token_type", GgufValue.Of([.. Enumerable.Repeat(7, 263)])) },
        { "tokenizer.ggml.tokens", SentencePiece.With("tokenizer.ggml.token_type", GgufValue.Of([.. Enumerable.Repeat(6, 263)])) },
        { "tokenizer.ggml.scores", SentencePiece.Without("tokenizer.ggml.scores") },
        { "tokenizer.ggml.scores", SentencePiece.With("tokenizer.ggml.scores", GgufValue.Of([1f])) },
        { "tokenizer.ggml.scores", SentencePiece.With("tokenizer.ggml.scores", GgufValue.Of([.. Enumerable.Repeat(float.NaN, 263)])) },
        { "tokenizer.ggml.bos_token_id", BytePair.With("tokenizer.ggml.bos_token_id", GgufValue.Of(258)) },
        { "tokenizer.ggml.eos_token_id", BytePair.With("tokenizer.ggml.eos_token_id", GgufValue.Of(-1)) },
        { "tokenizer.ggml.eot_token_id", BytePair.With("tokenizer.ggml.eot_token_id", GgufValue.Of(uint.MaxValue)) },
        { "tokenizer.ggml.add_bos_token", BytePair.With("tokenizer.ggml.add_bos_token", GgufValue.Of(true)) },
        { "tokenizer.ggml.merges", VocabularyFiles.CharacterPair("gemma4", ["a b"]).Without("tokenizer.ggml.merges") },
        { "tokenizer.ggml.unknown_token_id", WordPiece.Without("tokenizer.ggml.unknown_token_id") },
        { "tokenizer.ggml.seperator_token_id", WordPiece.Without("tokenizer.ggml.seperator_token_id") },
        { "tokenizer.ggml.seperator_token_id", WordPiece.With("tokenizer.ggml.seperator_token_id", GgufValue.Of(5)) },
        { "tokenizer.ggml.tokens", VocabularyFiles.WordPiece(new string('x', 257)) },
        { "tokenizer.ggml.scores", Unigram.Without("tokenizer.ggml.scores") },
        { "tokenizer.ggml.scores", Unigram.With("tokenizer.ggml.scores", GgufValue.Of([.. Enumerable.Repeat(float.NaN, 7)])) },
        { "tokenizer.ggml.unknown_token_id", Unigram.With("tokenizer.ggml.unknown_token_id", GgufValue.Of(7)) },
        { "tokenizer.ggml.precompiled_charsmap", Unigram.With("tokenizer.ggml.precompiled_charsmap", GgufValue.Of([1, 2, 3])) },
        { "tokenizer.ggml.tokens", VocabularyFiles.BytePair("qwen2", [], (new string('x', 1 << 20), TokenKind.Control)) },
    };

    public static TheoryData<string, string> LongTexts
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var name in (string[])["default", "llama-bpe", "gpt-4o", "gemma4", "spm", "bert", "t5"])
            {
                foreach (var unit in (string[])["a", "A", "中", " ", "🙂", "\n", "1", " \n", "<", "\uD800", "<|im_end|>"])
                    data.Add(name, unit);
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Damaged))]
    public void FromGguf_DamagedVocabulary_IsRefusedByFileAndKey(string key, GgufMetadata metadata)
    {
        var message = Assert.Throws<ModelFormatException>(() => Tokenizer.FromGguf(metadata)).Message;

        Assert.StartsWith($"{VocabularyFiles.Source}: metadata key '{key}'", message);
        Assert.Contains("expected", message);
    }

    [Fact]
    public void FromGguf_DamagedFile_NamesItsPath()
    {
        using var folder = new TemporaryFolder();
        var writer = new GgufWriter();
        foreach (var key in BytePair.Keys)
            writer.Set(key, BytePair[key]);
        writer.Set("tokenizer.ggml.eos_token_id", GgufValue.Of(258u));
        writer.Save(folder.File("m.gguf"));
        using var file = GgufFile.Open(folder.File("m.gguf"));

        Assert.Equal(
            $"{file.Path}: metadata key 'tokenizer.ggml.eos_token_id': expected an id below 258, found 258.",
            Assert.Throws<ModelFormatException>(() => Tokenizer.FromGguf(file.Metadata)).Message);
    }

    [Fact]
    public void FromGguf_UnknownNames_AreRefusedByName()
    {
        var model = Assert.Throws<UnsupportedModelException>(() => Tokenizer.FromGguf(BytePair.With("tokenizer.ggml.model", GgufValue.Of("abacus"))));
        var pre = Assert.Throws<UnsupportedModelException>(() => Tokenizer.FromGguf(BytePair.With("tokenizer.ggml.pre", GgufValue.Of("abacus"))));

        Assert.StartsWith($"{VocabularyFiles.Source}: tokenizer.ggml.model: 'abacus'", model.Message);
        Assert.All(["gpt2", "gemma4", "llama", "bert", "t5", "convert"], word => Assert.Contains(word, model.Message));
        Assert.StartsWith($"{VocabularyFiles.Source}: tokenizer.ggml.pre: 'abacus'", pre.Message);
        Assert.Contains("llama-bpe", pre.Message);
        Assert.Contains("write its name into the file", pre.Message);
    }

    [Fact]
    public void FromGguf_NoPreTokenizer_GuessesTheDefault()
    {
        var guessed = Tokenizer.FromGguf(BytePair.Without("tokenizer.ggml.pre"));
        var named = Tokenizer.FromGguf(BytePair.With("tokenizer.ggml.pre", GgufValue.Of("default")));

        Assert.Equal((true, false), (guessed.GuessesPreTokenizer, named.GuessesPreTokenizer));
        Assert.False(Tokenizer.FromGguf(SentencePiece).GuessesPreTokenizer);
        Assert.Equal(named.Encode("a b, 1234 'c"), guessed.Encode("a b, 1234 'c"));
    }

    [Fact]
    public void FromGguf_TextTwiceInTheVocabulary_MeansTheLowerId()
    {
        var tokenizer = Tokenizer.FromGguf(VocabularyFiles.SentencePiece(("▁", -1), ("a", -2), ("a", -1)));

        Assert.Equal([1, 259, 260], tokenizer.Encode("a"));
        Assert.Equal("a", tokenizer.Decode([261]));
    }

    [Fact]
    public void EndOfGeneration_HoldsNamedIdsAndWellKnownTexts()
    {
        var tokenizer = Tokenizer.FromGguf(VocabularyFiles.BytePair("qwen2", [], ("<|endoftext|>", TokenKind.Normal), ("<x>", TokenKind.Control), ("<y>", TokenKind.Control))
            .With("tokenizer.ggml.eos_token_id", GgufValue.Of(257)));

        Assert.Equal([256, 257], tokenizer.EndOfGeneration.Order());
        Assert.True(tokenizer.IsSpecial(256));
    }

    [Fact]
    public void EndOfGeneration_EndOfAMessageAmongSeveral_IsNotTheEnd()
    {
        int[] Ends(params (string, TokenKind)[] special) => [.. Tokenizer.FromGguf(VocabularyFiles.BytePair("qwen2", [], special).With("tokenizer.ggml.eos_token_id", GgufValue.Of(257))).EndOfGeneration.Order()];

        Assert.Equal([256, 257], Ends(("<|end|>", TokenKind.Control), ("<|return|>", TokenKind.Control)));
        Assert.Equal([257, 258], Ends(("<|end|>", TokenKind.Control), ("<|return|>", TokenKind.Control), ("<|call|>", TokenKind.Control)));
    }

    [Theory]
    [MemberData(nameof(LongTexts))]
    public void Encode_MegabyteOfOneThing_TakesTimeInProportion(string name, string unit)
    {
        var tokenizer = Tokenizer.FromGguf(name switch
        {
            "spm" => SentencePiece,
            "bert" => WordPiece,
            "t5" => Unigram,
            "gemma4" => VocabularyFiles.CharacterPair(name, ["a a", "aa aa", "▁ ▁", "▁▁ ▁▁", "\n \n", "🙂 🙂"]),
            _ => VocabularyFiles.BytePair(name, ["a a", "aa aa", "Ġ Ġ", "ĠĠ ĠĠ", "1 1", "< <", "ð Ł", "ðŁ Ļ", "ðŁĻ Ĥ", "ðŁĻĤ ðŁĻĤ"], ("<|im_end|>", TokenKind.Control)),
        });
        var text = string.Concat(Enumerable.Repeat(unit, (1 << 20) / Encoding.UTF8.GetByteCount(unit)));
        var clock = Stopwatch.StartNew();
        var ids = tokenizer.Encode(text, addSpecial: false);

        // Well under a second on a free machine; anything quadratic takes minutes.
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 30);
        if (name is not ("bert" or "t5")) // which normalize
            Assert.Equal(Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)), tokenizer.Decode(ids));
    }

    [Fact]
    public void Encode_ManyThreadsAndMoreWordsThanAreRemembered_AnswersAsOneThread()
    {
        var tokenizer = Tokenizer.FromGguf(BytePair);
        var texts = Enumerable.Range(0, 64).Select(t => string.Join(' ', Enumerable.Range(0, 1500).Select(i => $"ab{(char)('a' + (i % 26))}x{t}y{i}b"))).ToArray();
        var expected = texts.Select(text => Tokenizer.FromGguf(BytePair).Encode(text)).ToArray();

        Parallel.For(0, texts.Length * 2, i => Assert.Equal(expected[i % texts.Length], tokenizer.Encode(texts[i % texts.Length])));
    }

    [Fact]
    public void FromGguf_AnyLists_MakeAWorkingTokenizerOrATypedError()
    {
        var piece = Gen.OneOf(Gen.Char["ab▁Ġ<>"].Array[0, 4].Select(letters => new string(letters)), Gen.OneOf("<0x41>", "</s>", "<unk>", "a b", "<0xZZ>"));
        var lists = Gen.Select(Gen.OneOf("gpt2", "gemma4", "llama", "bert", "t5"), piece.Array[1, 20], Gen.Int[0, 6].Array[0, 20], Gen.Float.Array[0, 20], Gen.Select(piece, piece).Array[0, 10], Gen.Int[-2, 22]);
        lists.Sample((model, tokens, types, scores, merges, id) =>
        {
            var metadata = VocabularyFiles.Metadata(
                ("tokenizer.ggml.model", GgufValue.Of(model)),
                ("tokenizer.ggml.tokens", GgufValue.Of(tokens)),
                ("tokenizer.ggml.token_type", GgufValue.Of(types.Length % 2 == 0 ? [.. tokens.Select((_, i) => i < types.Length ? types[i] : 1)] : types)),
                ("tokenizer.ggml.scores", GgufValue.Of(scores.Length % 2 == 0 ? [.. tokens.Select((_, i) => i < scores.Length ? scores[i] : 0f)] : scores)),
                ("tokenizer.ggml.merges", GgufValue.Of([.. merges.Select(merge => $"{merge.Item1} {merge.Item2}")])),
                ("tokenizer.ggml.seperator_token_id", GgufValue.Of(0)),
                ("tokenizer.ggml.unknown_token_id", GgufValue.Of(0)),
                ("tokenizer.ggml.bos_token_id", GgufValue.Of(id)));
            Tokenizer tokenizer;
            try
            {
                tokenizer = Tokenizer.FromGguf(metadata);
            }
            catch (ModelFormatException)
            {
                return;
            }
            var ids = tokenizer.Encode("ab <a></s> <0x41>▁ba🙂" + string.Concat(tokens));
            Assert.All(ids, token => Assert.InRange(token, 0, tokens.Length - 1));
            tokenizer.Decode(ids);
            tokenizer.Decode(ids, removeSpecial: true);
        }, iter: 2000);
    }
}
