namespace EmbeddedLlm.HuggingFace;

/// <summary>config.json, with the defaults that the makers' code has for what it leaves out.</summary>
internal sealed class FolderConfig(JsonPart json, string architecture)
{
    // Above what any model has; products of two stay within an int.
    private const int MaxHeads = 4096;
    private const int MaxWidth = 1 << 20;

    /// <summary>The class that the model is of in its makers' code, such as <c>LlamaForCausalLM</c>.</summary>
    public string Architecture => architecture;

    public JsonPart Json => json;

    public int Layers => Count("num_hidden_layers", 1024);

    public int Width => Count("hidden_size", MaxWidth);

    public int Heads => Count("num_attention_heads", MaxHeads);

    public int KvHeads => json["num_key_value_heads"] is null ? Heads : Count("num_key_value_heads", MaxHeads);

    /// <summary>Whether the output shares the table of tokens; null where the file is silent.</summary>
    public bool? IsTied => json["tie_word_embeddings"]?.Flag;

    public int HeadWidth(int? fallback = null) => json["head_dim"] is not null ? Count("head_dim", MaxWidth / 64) : fallback ?? Math.Max(1, Width / Heads);

    public int Count(string key, int most, int? fallback = null)
    {
        if (json[key] is not { } value)
            return fallback ?? json.Require(key, "an integer").Integer;
        return value.Integer is >= 1 and var count && count <= most ? count : throw value.Wrong($"an integer from 1 to {most}");
    }

    public int Int(string key, int? fallback = null) => json[key]?.Integer ?? fallback ?? json.Require(key, "an integer").Integer;

    public double Number(string key, double? fallback = null) => json[key]?.Number ?? fallback ?? json.Require(key, "a number").Number;

    public bool Flag(string key, bool fallback) => json[key]?.Flag ?? fallback;

    public string? Text(string key) => json[key]?.Text;

    /// <summary>Refuses an activation that the family is not computed with.</summary>
    public void RequireActivation(string key, params ReadOnlySpan<string> known)
    {
        if (Text(key) is { } activation && !known.Contains(activation))
            throw Unsupported(key, activation, string.Join(", ", known));
    }

    public UnsupportedModelException Unsupported(string key, string found, string supported) =>
        new($"{json.File}: '{key}' is {found}, which is not supported for {architecture}. Supported: {supported}.");
}
