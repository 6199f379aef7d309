using System.Collections.Immutable;

namespace EmbeddedLlm.HuggingFace.Families;

/// <summary>GPT-2, whose matrices have a row for each input.</summary>
internal sealed class Gpt2Folder : FolderFamily
{
    public override ImmutableArray<string> Architectures => ["GPT2LMHeadModel"];

    public override string Name => "gpt2";

    protected override string LayerPrefix => "h.";

    protected override IReadOnlyDictionary<string, string> Outer { get; } = new Dictionary<string, string>
    {
        ["wte"] = "token_embd",
        ["wpe"] = "position_embd",
        ["ln_f"] = "output_norm",
        ["lm_head"] = "output",
    };

    protected override IReadOnlyDictionary<string, string> Layer { get; } = new Dictionary<string, string>
    {
        ["ln_1"] = "attn_norm",
        ["attn.c_attn"] = "attn_qkv",
        ["attn.c_proj"] = "attn_output",
        ["ln_2"] = "ffn_norm",
        ["mlp.c_fc"] = "ffn_up",
        ["mlp.c_proj"] = "ffn_down",
    };

    public override void Describe(FolderConfig config, FolderKeys keys)
    {
        var activation = config.Text("activation_function") ?? "gelu_new";
        config.RequireActivation("activation_function", "gelu", "gelu_new", "gelu_fast", "gelu_pytorch_tanh");
        if (!config.Flag("scale_attn_weights", true))
            throw config.Unsupported("scale_attn_weights", "false", "true");
        if (config.Flag("scale_attn_by_inverse_layer_idx", false))
            throw config.Unsupported("scale_attn_by_inverse_layer_idx", "true", "false");
        var width = config.Int("n_embd");
        keys.Set("context_length", config.Json["n_positions"]?.Integer ?? config.Int("n_ctx"));
        keys.Set("embedding_length", width);
        keys.Set("block_count", config.Int("n_layer"));
        keys.Set("feed_forward_length", config.Int("n_inner", width > int.MaxValue / 4 ? width : 4 * width));
        keys.Set("attention.head_count", config.Int("n_head"));
        keys.Set("attention.layer_norm_epsilon", config.Number("layer_norm_epsilon", 1e-5));
        if (activation != "gelu_new")
            keys.Set("hidden_activation", activation);
    }

    protected override string Plain(string name) => name.StartsWith("transformer.", StringComparison.Ordinal) ? name["transformer.".Length..] : name;

    protected override bool IsBuffer(string name) => name.EndsWith(".attn.bias", StringComparison.Ordinal) || name.EndsWith(".attn.masked_bias", StringComparison.Ordinal);

    protected override Placement Adjust(FolderConfig config, string name, Placement placement) =>
        name is "attn_qkv" or "attn_output" or "ffn_up" or "ffn_down" ? placement with { IsTransposed = true } : placement;
}
