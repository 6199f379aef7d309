using System.IO.Compression;
using System.Text.Json;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Tests.Tokenization;

/// <summary>Every golden string, both ways: real vocabularies against Hugging Face and llama.cpp, and every pre-tokenizer on the vocabulary of GPT-2.</summary>
public sealed class GoldenTokenizersTests
{
    public static TheoryData<string> Pairs => [.. GoldenTokenizers.Names("vocab", ".gguf.out", "ggml-vocab-gpt-2")];

    public static TheoryData<string> Expected => [.. GoldenTokenizers.Names("expected", ".jsonl", "ggml-vocab-gpt-2")];

    public static TheoryData<string> PreTokenizerNames => [.. GoldenTokenizers.Names("pretokenizers", ".jsonl.gz", "gpt-2").Union(PreTokenizers.Names)];

    [Theory]
    [MemberData(nameof(Pairs))]
    public void Encode_VocabularyPairs_EqualsHuggingFace(string name)
    {
        var file = GoldenPath($"tokenizers/vocab/{name}.gguf");
        var tokenizer = Open($"tokenizers/vocab/{name}.gguf");
        var texts = File.ReadAllText(file + ".inp").Split("\n__ggml_vocab_test__\n");
        var ids = File.ReadAllLines(file + ".out");

        // The separator follows every text, the last one too.
        Assert.Equal("", texts[^1]);
        Assert.Equal(ids.Length, texts.Length - 1);
        Assert.All(texts.Zip(ids), pair =>
            Assert.Equal(pair.Second.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse), tokenizer.Encode(pair.First, addSpecial: false, parseSpecial: false)));
    }

    [Theory]
    [MemberData(nameof(Expected))]
    public void EncodeAndDecode_GoldenStrings_EqualLlamaCpp(string name)
    {
        using var file = GgufFile.Open(GoldenTokenizers.VocabularyOf(name));
        AssertEqualsGolden(Tokenizer.FromGguf(file.Metadata), File.ReadLines(GoldenPath($"tokenizers/expected/{name}.jsonl")));
    }

    [Theory]
    [MemberData(nameof(PreTokenizerNames))]
    public void EncodeAndDecode_EveryPreTokenizer_EqualsLlamaCpp(string name)
    {
        using var file = GgufFile.Open(GoldenPath("tokenizers/vocab/ggml-vocab-gpt-2.gguf"));
        var tokenizer = Tokenizer.FromGguf(VocabularyFiles.With(file.Metadata, "tokenizer.ggml.pre", GgufValue.Of(name)));
        using var golden = new StreamReader(new GZipStream(File.OpenRead(GoldenPath($"tokenizers/pretokenizers/{name}.jsonl.gz")), CompressionMode.Decompress));
        AssertEqualsGolden(tokenizer, golden.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    private static void AssertEqualsGolden(Tokenizer tokenizer, IEnumerable<string> lines)
    {
        var rows = lines.Select(line => JsonDocument.Parse(line).RootElement).ToList();
        var header = rows[0];
        Assert.Equal(header.GetProperty("n_vocab").GetInt32(), tokenizer.VocabularySize);
        Assert.Equal(header.GetProperty("bos").GetInt32(), tokenizer.BosId ?? -1);
        Assert.Equal(header.GetProperty("eos").GetInt32(), tokenizer.EosId ?? -1);
        Assert.Equal(header.GetProperty("add_bos").GetBoolean(), tokenizer.AddsBos);
        Assert.Equal(header.GetProperty("add_eos").GetBoolean(), tokenizer.AddsEos);
        if (header.GetProperty("eot").GetInt32() is >= 0 and var eot)
            Assert.Contains(eot, tokenizer.EndOfGeneration);

        Assert.True(rows.Count > 200);
        Assert.All(rows.Skip(1), row =>
        {
            var text = row.GetProperty("text").GetString()!;
            var ids = Ids(row, "ids");
            var special = Ids(row, "ids_special");
            Assert.Equal(ids, tokenizer.Encode(text, addSpecial: false, parseSpecial: false));
            Assert.Equal(special, tokenizer.Encode(text));
            // Golden texts never show special tokens, not the unknown one either.
            Assert.Equal(row.GetProperty("detok").GetString(), tokenizer.Decode([.. ids.Where(id => !tokenizer.IsSpecial(id))]));
            Assert.Equal(row.GetProperty("detok_special_removed").GetString(), tokenizer.Decode(special, removeSpecial: true));
        });
    }

    private static int[] Ids(JsonElement row, string name) => [.. row.GetProperty(name).EnumerateArray().Select(id => id.GetInt32())];

    private static Tokenizer Open(string path)
    {
        using var file = GgufFile.Open(GoldenPath(path));
        return Tokenizer.FromGguf(file.Metadata);
    }

    private static string GoldenPath(string path) => Golden.Path(path.Split('/'));
}
