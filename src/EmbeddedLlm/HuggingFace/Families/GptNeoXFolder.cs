using System.Collections.Immutable;

namespace EmbeddedLlm.HuggingFace.Families;

/// <summary>GPT-NeoX and Pythia, whose queries, keys and values stand head by head.</summary>
internal sealed class GptNeoXFolder : FolderFamily
{
    public override ImmutableArray<string> Architectures => ["GPTNeoXForCausalLM"];

    public override string Name => "gptneox";

    protected override string LayerPrefix => "gpt_neox.layers.";

    protected override IReadOnlyDictionary<string, string> Outer { get; } = new Dictionary<string, string>
    {
        ["gpt_neox.embed_in"] = "token_embd",
        ["gpt_neox.final_layer_norm"] = "output_norm",
        ["embed_out"] = "output",
    };

    protected override IReadOnlyDictionary<string, string> Layer { get; } = new Dictionary<string, string>
    {
        ["input_layernorm"] = "attn_norm",
        ["attention.query_key_value"] = "attn_qkv",
        ["attention.dense"] = "attn_output",
        ["post_attention_layernorm"] = "ffn_norm",
        ["mlp.dense_h_to_4h"] = "ffn_up",
        ["mlp.dense_4h_to_h"] = "ffn_down",
    };

    public override void Describe(FolderConfig config, FolderKeys keys)
    {
        config.RequireActivation("hidden_act", "gelu", "gelu_new", "gelu_fast", "gelu_pytorch_tanh");
        if (config.Json["rope_scaling"]?["type"] is { } scaling)
            throw config.Unsupported("rope_scaling", $"'{scaling.Text}'", "null");
        var parameters = config.Json["rope_parameters"];
        keys.Set("context_length", config.Int("max_position_embeddings"));
        keys.Set("embedding_length", config.Width);
        keys.Set("block_count", config.Layers);
        keys.Set("feed_forward_length", config.Int("intermediate_size"));
        keys.Set("attention.head_count", config.Heads);
        keys.Set("attention.layer_norm_epsilon", config.Number("layer_norm_eps", 1e-5));
        keys.Set("rope.dimension_count", (int)(config.HeadWidth() * (parameters?["partial_rotary_factor"]?.Number ?? config.Number("rotary_pct", 0.25))));
        keys.Set("rope.freq_base", parameters?["rope_theta"]?.Number ?? config.Json["rotary_emb_base"]?.Number ?? config.Number("rope_theta", 10000));
        keys.Set("use_parallel_residual", config.Flag("use_parallel_residual", true));

        // GGUF files of this family mostly do not say; then it is the approximation.
        if (config.Text("hidden_act") is null or "gelu")
            keys.Set("hidden_activation", "gelu");
    }

    protected override bool IsBuffer(string name) =>
        base.IsBuffer(name) || name.EndsWith(".attention.bias", StringComparison.Ordinal) || name.EndsWith(".attention.masked_bias", StringComparison.Ordinal);

    // [heads][q, k, v][head width] here, [q, k, v][heads][head width] in GGUF.
    protected override Placement Adjust(FolderConfig config, string name, Placement placement)
    {
        if (name != "attn_qkv")
            return placement;
        var (heads, width) = (config.Heads, config.HeadWidth());
        return placement with
        {
            RowUnit = 3 * heads * width,
            RowFrom = row => (row / width % heads * 3 + row / (heads * width) % 3) * width + row % width,
        };
    }
}
