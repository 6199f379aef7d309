using System.Text.Json;
using System.Text.Json.Nodes;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.HuggingFace;
using EmbeddedLlm.Tests.Tokenization;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Tests.HuggingFace;

/// <summary>Real vocabularies, written as the files of a folder, against what Hugging Face and llama.cpp make of texts.</summary>
public sealed class FolderTokenizerTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("gpt-2", false)]
    [InlineData("gpt-2", true)]
    [InlineData("mpt", false)]
    [InlineData("llama-bpe", true)]
    [InlineData("qwen2", false)]
    public void Encode_WithTokenizerJson_EqualsTheGolden(string name, bool mergesAsPairs)
    {
        using var file = Vocabulary(name);
        FolderTokenizerFiles.WriteByteLevel(_folder.Path, file.Metadata, mergesAsPairs);
        FolderTokenizerFiles.WriteConfig(_folder.Path, file.Metadata);
        AssertEqualsGolden(name, Open(file));
    }

    [Theory]
    [InlineData("llama-spm")]
    [InlineData("phi-3")]
    public void Encode_WithTokenizerModel_EqualsTheGolden(string name)
    {
        using var file = Vocabulary(name);
        FolderTokenizerFiles.Write(_folder.Path, file.Metadata);
        AssertEqualsGolden(name, Open(file));
    }

    [Fact]
    public void Encode_WithMergesOverCharacters_EqualsTheGolden()
    {
        using var file = Vocabulary("llama-spm");
        FolderTokenizerFiles.WriteCharacters(_folder.Path, file.Metadata);
        AssertEqualsGolden("llama-spm", Open(file));
    }

    [Fact]
    public void Encode_WithAUnigramModel_EqualsThatOfGguf()
    {
        var metadata = VocabularyFiles.Unigram(("▁he", -1), ("llo", -2), ("▁", -3), ("h", -4), ("l", -5), ("o", -6)).With("tokenizer.ggml.remove_extra_whitespaces", GgufValue.Of(false));
        File.WriteAllBytes(Path.Combine(_folder.Path, "tokenizer.model"), FolderTokenizerFiles.SentencePiece(metadata, modelType: 1));
        File.WriteAllText(_folder.File("tokenizer_config.json"), """{"eos_token":"</s>","unk_token":"<unk>","add_bos_token":false,"add_eos_token":true}""");
        var (own, expected) = (Open(metadata), Tokenizer.FromGguf(metadata));
        Assert.All((string[])["hello", " hello  hello ", "x hell", ""], text => Assert.Equal(expected.Encode(text), own.Encode(text)));
    }

    [Fact]
    public void Describe_RowsBeyondTheVocabulary_AreUnused()
    {
        var metadata = VocabularyFiles.BytePair("gpt-2", ["a b"], ("<|end|>", TokenKind.Control));
        FolderTokenizerFiles.WriteByteLevel(_folder.Path, metadata);
        var tokenizer = Open(metadata, rows: 300);
        Assert.Equal(300, tokenizer.VocabularySize);
        Assert.Equal("", tokenizer.Decode([299]));
        Assert.Equal([.. tokenizer.Encode("ab"), 257], tokenizer.Encode("ab<|end|>"));
    }

    [Fact]
    public void Describe_AddedTokensBeyondTheRows_AreLeftOut()
    {
        var metadata = VocabularyFiles.BytePair("gpt-2", ["a b"], ("<|end|>", TokenKind.Control));
        FolderTokenizerFiles.WriteByteLevel(_folder.Path, metadata);
        Assert.False(Open(metadata, rows: 257).TryGetId("<|end|>", out _));
        var error = Assert.Throws<ModelFormatException>(() => Open(metadata, rows: 256));
        Assert.Contains("below the 256 rows", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"type":"Whitespace"}""", "'Whitespace'")]
    [InlineData("""{"type":"ByteLevel","add_prefix_space":true}""", "add_prefix_space")]
    [InlineData("""{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"\\w+"},"behavior":"Isolated","invert":false},{"type":"ByteLevel","use_regex":false}]}""", "\\w+")]
    [InlineData("""{"type":"Split","pattern":{"Regex":"\\w+"},"behavior":"MergedWithNext"}""", "MergedWithNext")]
    public void Describe_AnUnknownPreTokenizer_IsRefusedByName(string preTokenizer, string message)
    {
        var metadata = VocabularyFiles.BytePair("gpt-2", ["a b"]);
        FolderTokenizerFiles.WriteByteLevel(_folder.Path, metadata);
        FolderModel.Set(_folder.Path, "pre_tokenizer", JsonNode.Parse(preTokenizer), "tokenizer.json");
        var error = Assert.Throws<UnsupportedModelException>(() => Open(metadata));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.Contains("GGUF", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model", """{"type":"WordLevel"}""")]
    [InlineData("normalizer", """{"type":"Lowercase"}""")]
    public void Describe_AnUnknownPart_IsRefusedByName(string key, string value)
    {
        var metadata = VocabularyFiles.BytePair("gpt-2", ["a b"]);
        FolderTokenizerFiles.WriteByteLevel(_folder.Path, metadata);
        FolderModel.Set(_folder.Path, key, JsonNode.Parse(value), "tokenizer.json");
        Assert.Throws<UnsupportedModelException>(() => Open(metadata));
    }

    [Theory]
    [InlineData("tokenizer.json", "{")]
    [InlineData("tokenizer.json", "[]")]
    [InlineData("tokenizer.json", """{"decoder":{"type":"ByteLevel"},"pre_tokenizer":{"type":"ByteLevel"},"model":{"type":"BPE","vocab":[],"merges":[]}}""")]
    [InlineData("tokenizer.json", """{"decoder":{"type":"ByteLevel"},"pre_tokenizer":{"type":"ByteLevel"},"model":{"type":"BPE","vocab":{"a":"b"},"merges":[]}}""")]
    [InlineData("tokenizer.json", """{"decoder":{"type":"ByteLevel"},"pre_tokenizer":{"type":"ByteLevel"},"model":{"type":"BPE","vocab":{"a":-1},"merges":[]}}""")]
    [InlineData("tokenizer.json", """{"decoder":{"type":"ByteLevel"},"pre_tokenizer":{"type":"ByteLevel"},"model":{"type":"BPE","vocab":{"a":0,"b":0},"merges":[]}}""")]
    [InlineData("tokenizer.json", """{"decoder":{"type":"ByteLevel"},"pre_tokenizer":{"type":"ByteLevel"},"model":{"type":"BPE","vocab":{"\ud800":0},"merges":[]}}""")]
    [InlineData("tokenizer.json", """{"decoder":{"type":"ByteLevel"},"pre_tokenizer":{"type":"ByteLevel"},"model":{"type":"BPE","vocab":{"a":0},"merges":["a"]}}""")]
    [InlineData("tokenizer.json", """{"decoder":{"type":"ByteLevel"},"pre_tokenizer":{"type":"ByteLevel"},"model":{"type":"BPE","vocab":{"a":0},"merges":[["a","b","c"]]}}""")]
    [InlineData("tokenizer_config.json", """{"bos_token":"nowhere"}""")]
    [InlineData("tokenizer_config.json", """{"added_tokens_decoder":{"x":{"content":"y"}}}""")]
    public void Describe_ABrokenFile_IsRefused(string name, string text)
    {
        var metadata = VocabularyFiles.BytePair("gpt-2", ["a b"]);
        FolderTokenizerFiles.WriteByteLevel(_folder.Path, metadata);
        File.WriteAllText(_folder.File(name), text);
        var error = Assert.Throws<ModelFormatException>(() => Open(metadata));
        Assert.Contains(name, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Describe_MutatedSentencePieceModels_EndInATokenizerOrATypedException()
    {
        var metadata = VocabularyFiles.SentencePiece(("▁a", -1), ("b", -2), ("▁ab", -3));
        var sound = FolderTokenizerFiles.SentencePiece(metadata);
        var random = new Random(1);
        for (var round = 0; round < 300; round++)
        {
            byte[] bytes = [.. sound];
            for (var change = random.Next(3); change >= 0; change--)
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            File.WriteAllBytes(_folder.File("tokenizer.model"), bytes[..(round % 4 == 0 ? random.Next(bytes.Length) : bytes.Length)]);
            try
            {
                Assert.NotNull(Open(metadata));
            }
            catch (LlmException exception) when (exception is ModelFormatException or UnsupportedModelException)
            {
                Assert.NotEmpty(exception.Message);
            }
        }
    }

    [Theory]
    [InlineData("tokenizer_config.json", """{"chat_template":"a"}""", "a", null)]
    [InlineData("tokenizer_config.json", """{"chat_template":[{"name":"default","template":"a"},{"name":"tool_use","template":"b"}]}""", "a", "b")]
    [InlineData("chat_template.json", """{"chat_template":"c"}""", "c", null)]
    [InlineData("chat_template.jinja", "d", "d", null)]
    public void Describe_ChatTemplates_AreFound(string name, string text, string expected, string? forTools)
    {
        File.WriteAllText(_folder.File("tokenizer_config.json"), "{}");
        File.WriteAllText(_folder.File(name), text);
        var keys = new FolderKeys(_folder.Path, "llama");
        FolderTemplate.Describe(_folder.Path, keys);
        Assert.Equal(expected, keys.Values["tokenizer.chat_template"].ToString());
        Assert.Equal(forTools, keys.Values.TryGetValue("tokenizer.chat_template.tool_use", out var value) ? value.ToString() : null);
    }

    private static GgufFile Vocabulary(string name) => GgufFile.Open(Golden.Path("tokenizers", "vocab", $"ggml-vocab-{name}.gguf"));

    private Tokenizer Open(GgufFile file) => Open(file.Metadata);

    private Tokenizer Open(GgufMetadata metadata, int? rows = null)
    {
        File.WriteAllText(_folder.File("config.json"), "{}");
        var keys = new FolderKeys(_folder.Path, "llama");
        FolderTokenizer.Describe(_folder.Path, new FolderConfig(JsonPart.Read(_folder.File("config.json"), 10), "LlamaForCausalLM"), rows ?? metadata.GetStrings("tokenizer.ggml.tokens").Count, keys);
        if (metadata.Contains("general.name"))
            keys.Values["general.name"] = metadata["general.name"];
        return Tokenizer.FromGguf(new GgufMetadata(_folder.Path, keys.Values));
    }

    private static void AssertEqualsGolden(string name, Tokenizer tokenizer)
    {
        var rows = File.ReadLines(Golden.Path("tokenizers", "expected", $"ggml-vocab-{name}.jsonl")).Select(line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.True(rows.Count > 200);
        Assert.Equal(rows[0].GetProperty("bos").GetInt32(), tokenizer.BosId ?? -1);
        Assert.Equal(rows[0].GetProperty("eos").GetInt32(), tokenizer.EosId ?? -1);
        Assert.All(rows.Skip(1), row =>
        {
            var text = row.GetProperty("text").GetString()!;
            Assert.Equal(Ids(row, "ids"), tokenizer.Encode(text, addSpecial: false, parseSpecial: false));
            Assert.Equal(Ids(row, "ids_special").Where(id => id != tokenizer.BosId), tokenizer.Encode(text).Where(id => id != tokenizer.BosId));
        });
    }

    private static IEnumerable<int> Ids(JsonElement row, string key) => row.GetProperty(key).EnumerateArray().Select(id => id.GetInt32());
}
