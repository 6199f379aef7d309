using System.Text;
using System.Text.Json.Nodes;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Tests.HuggingFace;

/// <summary>Writes the vocabulary of a GGUF file as the files that a folder has.</summary>
internal static class FolderTokenizerFiles
{
    public const string Gpt2 = """{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true}""";

    private const string Tail = @" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string Endings = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";

    /// <summary>Writes tokenizer.json for a byte-level vocabulary, tokenizer.model for SentencePiece's; and tokenizer_config.json.</summary>
    public static void Write(string folder, GgufMetadata metadata)
    {
        if (metadata.GetString("tokenizer.ggml.model") == "gpt2")
            WriteByteLevel(folder, metadata);
        else
            File.WriteAllBytes(Path.Combine(folder, "tokenizer.model"), SentencePiece(metadata));
        WriteConfig(folder, metadata);
    }

    /// <summary>tokenizer.json of a byte-level vocabulary.</summary>
    public static void WriteByteLevel(string folder, GgufMetadata metadata, bool mergesAsPairs = false)
    {
        var pre = metadata.GetString("tokenizer.ggml.pre", "gpt-2");
        var (tokens, kinds) = (metadata.GetStrings("tokenizer.ggml.tokens"), metadata.GetInts("tokenizer.ggml.token_type"));
        var merges = metadata.GetStrings("tokenizer.ggml.merges");
        JsonNode splits = pre switch
        {
            "llama-bpe" => Split($@"{Endings}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}|{Tail}"),
            "qwen2" => Split($@"{Endings}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}|{Tail}"),
            _ => JsonNode.Parse(Gpt2)!,
        };
        var ordinary = Enumerable.Range(0, tokens.Count).Where(id => kinds[id] is (int)TokenKind.Normal).ToArray();
        WriteJson(folder, new JsonObject
        {
            ["added_tokens"] = Added(tokens, kinds),
            ["normalizer"] = pre == "qwen2" ? new JsonObject { ["type"] = "NFC" } : null,
            ["pre_tokenizer"] = splits,
            ["decoder"] = new JsonObject { ["type"] = "ByteLevel" },
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["ignore_merges"] = pre == "llama-bpe",
                ["vocab"] = new JsonObject(ordinary.Select(id => KeyValuePair.Create(tokens[id], (JsonNode?)JsonValue.Create(id)))),
                ["merges"] = new JsonArray([.. merges.Select(merge => mergesAsPairs ? new JsonArray([.. merge.Split(' ').Select(side => JsonValue.Create(side))]) : (JsonNode?)JsonValue.Create(merge))]),
            },
        });
    }

    /// <summary>tokenizer.json of SentencePiece's vocabulary: each way to make a piece of two others is a merge, in the order of the pieces' scores.</summary>
    public static void WriteCharacters(string folder, GgufMetadata metadata)
    {
        var (tokens, kinds) = (metadata.GetStrings("tokenizer.ggml.tokens"), metadata.GetInts("tokenizer.ggml.token_type"));
        var scores = metadata.GetFloats("tokenizer.ggml.scores");
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var id = 0; id < tokens.Count; id++)
        {
            if (kinds[id] == (int)TokenKind.Normal)
                ids.TryAdd(tokens[id], id);
        }

        var merges =
            from whole in ids
            from length in Enumerable.Range(1, whole.Key.Length - 1)
            let left = ids.GetValueOrDefault(whole.Key[..length], -1)
            let right = ids.GetValueOrDefault(whole.Key[length..], -1)
            where left >= 0 && right >= 0
            orderby scores[whole.Value] descending, left, right
            select $"{whole.Key[..length]} {whole.Key[length..]}";
        WriteJson(folder, new JsonObject
        {
            ["added_tokens"] = Added(tokens, kinds),
            ["normalizer"] = JsonNode.Parse("""{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},{"type":"Replace","pattern":{"String":" "},"content":"▁"}]}"""),
            ["post_processor"] = JsonNode.Parse("""{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}]}"""),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["byte_fallback"] = true,
                ["unk_token"] = "<unk>",
                ["vocab"] = new JsonObject(Enumerable.Range(0, tokens.Count).Where(id => kinds[id] is not ((int)TokenKind.Control or (int)TokenKind.UserDefined)).Select(id => KeyValuePair.Create(tokens[id], (JsonNode?)JsonValue.Create(id)))),
                ["merges"] = new JsonArray([.. merges.Select(merge => (JsonNode?)JsonValue.Create(merge))]),
            },
        });
    }

    public static void WriteConfig(string folder, GgufMetadata metadata)
    {
        var tokens = metadata.GetStrings("tokenizer.ggml.tokens");
        var config = new JsonObject();
        foreach (var (role, key) in ((string, string)[])[("bos", "bos_token"), ("eos", "eos_token"), ("unknown", "unk_token"), ("padding", "pad_token")])
        {
            if (metadata.Contains($"tokenizer.ggml.{role}_token_id"))
                config[key] = tokens[metadata.GetInt($"tokenizer.ggml.{role}_token_id")];
        }

        foreach (var role in (string[])["bos", "eos"])
        {
            if (metadata.Contains($"tokenizer.ggml.add_{role}_token"))
                config[$"add_{role}_token"] = metadata.GetBool($"tokenizer.ggml.add_{role}_token");
        }

        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), config.ToJsonString());
    }

    /// <summary>A protocol buffer with the pieces, their scores and kinds, the ids of roles and what is done to spaces.</summary>
    public static byte[] SentencePiece(GgufMetadata metadata, int modelType = 2)
    {
        var (tokens, kinds, scores) = (metadata.GetStrings("tokenizer.ggml.tokens"), metadata.GetInts("tokenizer.ggml.token_type"), metadata.GetFloats("tokenizer.ggml.scores"));
        var result = new List<byte>();
        for (var id = 0; id < tokens.Count; id++)
            result.AddRange(Field(1, [.. Field(1, Encoding.UTF8.GetBytes(tokens[id])), 0x15, .. BitConverter.GetBytes(scores[id]), 0x18, (byte)kinds[id]]));
        result.AddRange(Field(2, [0x18, (byte)modelType, .. Varint(40 << 3), 0, .. Varint(41 << 3), 1, .. Varint(42 << 3), 2]));
        result.AddRange(Field(3, [0x18, (byte)(metadata.GetBool("tokenizer.ggml.add_space_prefix", true) ? 1 : 0), 0x20, 0]));
        return [.. result];
    }

    private static byte[] Field(int number, byte[] content) => [.. Varint(number << 3 | 2), .. Varint(content.Length), .. content];

    private static byte[] Varint(int value)
    {
        var bytes = new List<byte>();
        for (; value >= 0x80; value >>= 7)
            bytes.Add((byte)(value & 0x7F | 0x80));
        return [.. bytes, (byte)value];
    }

    private static JsonObject Split(string pattern) => new()
    {
        ["type"] = "Sequence",
        ["pretokenizers"] = new JsonArray(
            new JsonObject { ["type"] = "Split", ["pattern"] = new JsonObject { ["Regex"] = pattern }, ["behavior"] = "Isolated", ["invert"] = false },
            new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["use_regex"] = false }),
    };

    private static JsonArray Added(IReadOnlyList<string> tokens, IReadOnlyList<int> kinds) => new(
    [
        .. Enumerable.Range(0, tokens.Count)
            .Where(id => kinds[id] is (int)TokenKind.Control or (int)TokenKind.UserDefined)
            .Select(id => (JsonNode?)new JsonObject { ["id"] = id, ["content"] = tokens[id], ["special"] = kinds[id] == (int)TokenKind.Control }),
    ]);

    private static void WriteJson(string folder, JsonObject json) => File.WriteAllText(Path.Combine(folder, "tokenizer.json"), json.ToJsonString());
}
