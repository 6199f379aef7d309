using System.Collections.Immutable;

namespace EmbeddedLlm.HuggingFace.Families;

/// <summary>Gemma 3: norms on queries and keys, a window in five of six layers, with rope of another base. Of models that see, the part that reads and writes text.</summary>
internal sealed class Gemma3Folder : Gemma2Folder
{
    private const string Seeing = "Gemma3ForConditionalGeneration";

    public override ImmutableArray<string> Architectures => ["Gemma3ForCausalLM", Seeing];

    public override string Name => "gemma3";

    public override void Describe(FolderConfig config, FolderKeys keys)
    {
        config.RequireActivation("hidden_activation", "gelu_pytorch_tanh");
        RequirePattern(config, interval: 6);
        if (config.Json["attn_logit_softcapping"] is { } cap)
            throw config.Unsupported("attn_logit_softcapping", $"{cap.Number}", "null");
        if (config.Flag("use_bidirectional_attention", false))
            throw config.Unsupported("use_bidirectional_attention", "true", "false");
        Standard(config, keys, config.Int("max_position_embeddings", 131072), DefaultHeadWidth, epsilon: 1e-6, ropeBase: 1e6);
        DescribeScale(config, keys, largeLayers: 62);
        keys.Set("attention.sliding_window", config.Int("sliding_window", 4096));
        var windowBase = config.Json["rope_parameters"] is { IsObject: true } parameters ? parameters["sliding_attention"]?["rope_theta"]?.Number : null;
        if ((windowBase ?? config.Number("rope_local_base_freq", 10000)) is var other && other != 10000)
            keys.Set("rope.freq_base_swa", other);
        if (config.Json["final_logit_softcapping"] is { } last)
            keys.Set("final_logit_softcapping", last.Number);
    }

    // "language_model.model.layers.0…" in older files, "model.language_model.layers.0…" in newer ones.
    protected override string Plain(string name)
    {
        name = name.StartsWith("model.", StringComparison.Ordinal) && name["model.".Length..].Split('.')[0] is "vision_tower" or "multi_modal_projector" or "language_model"
            ? name["model.".Length..]
            : name;
        if (name.StartsWith("vision_tower.", StringComparison.Ordinal) || name.StartsWith("multi_modal_projector.", StringComparison.Ordinal))
            return "";
        if (!name.StartsWith("language_model.", StringComparison.Ordinal))
            return name;
        name = name["language_model.".Length..];
        return name.StartsWith("model.", StringComparison.Ordinal) || name.StartsWith("lm_head.", StringComparison.Ordinal) ? name : "model." + name;
    }
}
