using System.Collections.Immutable;

namespace EmbeddedLlm.HuggingFace.Families;

/// <summary>Gemma 2: norms before and after, soft caps, a window in every other layer.</summary>
internal class Gemma2Folder : GemmaFolder
{
    public override ImmutableArray<string> Architectures => ["Gemma2ForCausalLM"];

    public override string Name => "gemma2";

    protected override IReadOnlyDictionary<string, string> Layer { get; }

    public Gemma2Folder() => Layer = new Dictionary<string, string>(base.Layer)
    {
        ["post_attention_layernorm"] = "post_attention_norm",
        ["pre_feedforward_layernorm"] = "ffn_norm",
        ["post_feedforward_layernorm"] = "post_ffw_norm",
    };

    public override void Describe(FolderConfig config, FolderKeys keys)
    {
        config.RequireActivation("hidden_activation", "gelu_pytorch_tanh");
        RequirePattern(config, interval: 2);
        Standard(config, keys, config.Int("max_position_embeddings", 8192), DefaultHeadWidth, epsilon: 1e-6);
        DescribeScale(config, keys, largeLayers: 46);
        keys.Set("attention.sliding_window", config.Int("sliding_window", 4096));
        keys.Set("attn_logit_softcapping", config.Number("attn_logit_softcapping", 50));
        keys.Set("final_logit_softcapping", config.Number("final_logit_softcapping", 30));
    }
}
