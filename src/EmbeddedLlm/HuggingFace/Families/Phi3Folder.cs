using System.Collections.Immutable;

namespace EmbeddedLlm.HuggingFace.Families;

/// <summary>Phi 3, 3.5 and 4: fused tensors, whose rows stand as in GGUF.</summary>
internal sealed class Phi3Folder : LlamaLikeFolder
{
    public override ImmutableArray<string> Architectures => ["Phi3ForCausalLM"];

    public override string Name => "phi3";

    protected override IReadOnlyDictionary<string, string> Layer { get; }

    public Phi3Folder() => Layer = new Dictionary<string, string>(base.Layer)
    {
        ["self_attn.qkv_proj"] = "attn_qkv",
        ["mlp.gate_up_proj"] = "ffn_up",
    };

    public override void Describe(FolderConfig config, FolderKeys keys)
    {
        config.RequireActivation("hidden_act", "silu");
        Standard(config, keys, Context(config, hasWindow: false), epsilon: 1e-5);
        if (config.Json["sliding_window"] is not null)
            keys.Set("attention.sliding_window", config.Count("sliding_window", 1 << 30));
    }

    // Its tokenizer strips white space after special tokens, for which GGUF has no key but the name.
    public override string ModelName(string name) =>
        name.Contains("phi-3", StringComparison.OrdinalIgnoreCase) || name.Contains("phi3", StringComparison.OrdinalIgnoreCase) || name.Contains("phi-4", StringComparison.OrdinalIgnoreCase) ? name : $"Phi-3 {name}";
}
