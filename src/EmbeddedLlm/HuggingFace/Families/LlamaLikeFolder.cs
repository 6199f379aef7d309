namespace EmbeddedLlm.HuggingFace.Families;

/// <summary>Tensors as Llama's code calls them, which many others do too.</summary>
internal abstract class LlamaLikeFolder : FolderFamily
{
    protected override string LayerPrefix => "model.layers.";

    protected override IReadOnlyDictionary<string, string> Outer { get; } = new Dictionary<string, string>
    {
        ["model.embed_tokens"] = "token_embd",
        ["model.norm"] = "output_norm",
        ["lm_head"] = "output",
    };

    protected override IReadOnlyDictionary<string, string> Layer { get; } = new Dictionary<string, string>
    {
        ["input_layernorm"] = "attn_norm",
        ["self_attn.q_proj"] = "attn_q",
        ["self_attn.k_proj"] = "attn_k",
        ["self_attn.v_proj"] = "attn_v",
        ["self_attn.q_norm"] = "attn_q_norm",
        ["self_attn.k_norm"] = "attn_k_norm",
        ["self_attn.o_proj"] = "attn_output",
        ["post_attention_layernorm"] = "ffn_norm",
        ["mlp.gate_proj"] = "ffn_gate",
        ["mlp.up_proj"] = "ffn_up",
        ["mlp.down_proj"] = "ffn_down",
    };
}
