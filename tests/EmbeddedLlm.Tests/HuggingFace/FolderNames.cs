using System.Text.Json.Nodes;
using EmbeddedLlm.Gguf;

namespace EmbeddedLlm.Tests.HuggingFace;

/// <summary>What tensors and settings of a GGUF file are called in the makers' code.</summary>
internal static class FolderNames
{
    private static readonly Dictionary<string, string> LlamaLike = new()
    {
        ["token_embd"] = "model.embed_tokens",
        ["output_norm"] = "model.norm",
        ["output"] = "lm_head",
        ["attn_norm"] = "model.layers.N.input_layernorm",
        ["attn_q"] = "model.layers.N.self_attn.q_proj",
        ["attn_k"] = "model.layers.N.self_attn.k_proj",
        ["attn_v"] = "model.layers.N.self_attn.v_proj",
        ["attn_qkv"] = "model.layers.N.self_attn.qkv_proj",
        ["attn_q_norm"] = "model.layers.N.self_attn.q_norm",
        ["attn_k_norm"] = "model.layers.N.self_attn.k_norm",
        ["attn_output"] = "model.layers.N.self_attn.o_proj",
        ["ffn_norm"] = "model.layers.N.post_attention_layernorm",
        ["ffn_gate"] = "model.layers.N.mlp.gate_proj",
        ["ffn_up"] = "model.layers.N.mlp.up_proj",
        ["ffn_down"] = "model.layers.N.mlp.down_proj",
    };

    private static readonly Dictionary<string, Dictionary<string, string>> Families = new()
    {
        ["llama"] = LlamaLike,
        ["qwen2"] = LlamaLike,
        ["qwen3"] = LlamaLike,
        ["gemma"] = LlamaLike,
        ["gemma2"] = Sandwiched(),
        ["gemma3"] = Sandwiched(),
        ["phi3"] = new(LlamaLike) { ["ffn_up"] = "model.layers.N.mlp.gate_up_proj" },
        ["gpt2"] = new()
        {
            ["token_embd"] = "wte",
            ["position_embd"] = "wpe",
            ["output_norm"] = "ln_f",
            ["attn_norm"] = "h.N.ln_1",
            ["attn_qkv"] = "h.N.attn.c_attn",
            ["attn_output"] = "h.N.attn.c_proj",
            ["ffn_norm"] = "h.N.ln_2",
            ["ffn_up"] = "h.N.mlp.c_fc",
            ["ffn_down"] = "h.N.mlp.c_proj",
        },
        ["gptneox"] = new()
        {
            ["token_embd"] = "gpt_neox.embed_in",
            ["output_norm"] = "gpt_neox.final_layer_norm",
            ["output"] = "embed_out",
            ["attn_norm"] = "gpt_neox.layers.N.input_layernorm",
            ["attn_qkv"] = "gpt_neox.layers.N.attention.query_key_value",
            ["attn_output"] = "gpt_neox.layers.N.attention.dense",
            ["ffn_norm"] = "gpt_neox.layers.N.post_attention_layernorm",
            ["ffn_up"] = "gpt_neox.layers.N.mlp.dense_h_to_4h",
            ["ffn_down"] = "gpt_neox.layers.N.mlp.dense_4h_to_h",
        },
    };

    /// <summary>The name of a tensor in a folder.</summary>
    public static string Of(string family, string tensor)
    {
        var parts = tensor.Split('.');
        return parts[0] == "blk"
            ? Families[family][parts[2]].Replace("N", parts[1], StringComparison.Ordinal) + $".{parts[3]}"
            : $"{Families[family][parts[0]]}.{parts[1]}";
    }

    /// <summary>config.json for the metadata of a GGUF file.</summary>
    public static JsonObject Config(string family, GgufFile file, bool isTied)
    {
        float Number(string key, float fallback) => file.Metadata.GetFloat($"{family}.{key}", fallback);
        int Int(string key, int fallback = 0) => file.Metadata.GetInt($"{family}.{key}", fallback);
        var (width, heads) = (Int("embedding_length"), Int("attention.head_count"));
        if (family == "gpt2")
            return new()
            {
                ["architectures"] = new JsonArray("GPT2LMHeadModel"),
                ["n_embd"] = width,
                ["n_head"] = heads,
                ["n_layer"] = Int("block_count"),
                ["n_positions"] = Int("context_length"),
                ["n_inner"] = Int("feed_forward_length"),
                ["layer_norm_epsilon"] = Number("attention.layer_norm_epsilon", 0),
                ["activation_function"] = "gelu_new",
            };

        var config = new JsonObject
        {
            ["architectures"] = new JsonArray(family switch
            {
                "llama" => "LlamaForCausalLM",
                "qwen2" => "Qwen2ForCausalLM",
                "qwen3" => "Qwen3ForCausalLM",
                "gemma" => "GemmaForCausalLM",
                "gemma2" => "Gemma2ForCausalLM",
                "gemma3" => "Gemma3ForCausalLM",
                "phi3" => "Phi3ForCausalLM",
                _ => "GPTNeoXForCausalLM",
            }),
            ["hidden_size"] = width,
            ["num_attention_heads"] = heads,
            ["num_hidden_layers"] = Int("block_count"),
            ["max_position_embeddings"] = Int("context_length"),
            ["intermediate_size"] = Int("feed_forward_length"),
            ["tie_word_embeddings"] = isTied,
        };
        if (family == "gptneox")
        {
            config["layer_norm_eps"] = Number("attention.layer_norm_epsilon", 0);
            config["rotary_pct"] = Int("rope.dimension_count") / (width / (double)heads);
            config["rotary_emb_base"] = Number("rope.freq_base", 10000);
            config["use_parallel_residual"] = file.Metadata.GetBool("gptneox.use_parallel_residual");
            config["hidden_act"] = "gelu_new";
            return config;
        }

        config["num_key_value_heads"] = Int("attention.head_count_kv");
        config["rms_norm_eps"] = Number("attention.layer_norm_rms_epsilon", 0);
        config["rope_theta"] = Number("rope.freq_base", 10000);
        config[family.StartsWith("gemma", StringComparison.Ordinal) ? "hidden_activation" : "hidden_act"] = family.StartsWith("gemma", StringComparison.Ordinal) ? "gelu_pytorch_tanh" : "silu";
        if (Int("attention.key_length") is > 0 and var headWidth)
            config["head_dim"] = headWidth;
        else
            headWidth = width / heads;
        if (Int("rope.dimension_count", headWidth) != headWidth)
            config["partial_rotary_factor"] = Int("rope.dimension_count") / (double)headWidth;
        if (Int("attention.sliding_window") is > 0 and var window)
            config["sliding_window"] = window;
        if (family is "gemma2" or "gemma3")
            config["query_pre_attn_scalar"] = headWidth;
        if (file.Metadata.GetString($"{family}.rope.scaling.type", null) is { } scaling)
            config["rope_scaling"] = Scaling(file, family, scaling);
        return config;
    }

    private static JsonObject Scaling(GgufFile file, string family, string kind)
    {
        var scaling = new JsonObject { ["rope_type"] = kind };
        foreach (var (key, own) in ((string, string)[])[("factor", "factor"), ("attn_factor", "attention_factor")])
        {
            if (file.Metadata.Contains($"{family}.rope.scaling.{key}"))
                scaling[own] = file.Metadata.GetFloat($"{family}.rope.scaling.{key}");
        }

        if (file.Metadata.Contains($"{family}.rope.scaling.original_context_length"))
            scaling["original_max_position_embeddings"] = file.Metadata.GetInt($"{family}.rope.scaling.original_context_length");
        foreach (var length in (string[])["short", "long"])
        {
            if (file.TryGetTensor($"rope_factors_{length}.weight", out var factors))
                scaling[$"{length}_factor"] = new JsonArray([.. System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(factors.Slice(0, (int)factors.Bytes)).ToArray().Select(factor => JsonValue.Create(factor))]);
        }

        return scaling;
    }

    private static Dictionary<string, string> Sandwiched() => new(LlamaLike)
    {
        ["post_attention_norm"] = "model.layers.N.post_attention_layernorm",
        ["ffn_norm"] = "model.layers.N.pre_feedforward_layernorm",
        ["post_ffw_norm"] = "model.layers.N.post_feedforward_layernorm",
    };
}
