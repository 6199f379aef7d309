using System.Collections.Immutable;

namespace EmbeddedLlm.HuggingFace.Families;

/// <summary>Gemma 1. What norms multiply by is stored less 1, here and in the later ones.</summary>
internal class GemmaFolder : LlamaLikeFolder
{
    private protected const int DefaultHeadWidth = 256;

    public override ImmutableArray<string> Architectures => ["GemmaForCausalLM"];

    public override string Name => "gemma";

    public override void Describe(FolderConfig config, FolderKeys keys)
    {
        // The older key says "gelu" and means its approximation.
        config.RequireActivation("hidden_activation", "gelu_pytorch_tanh");
        config.RequireActivation("hidden_act", "gelu", "gelu_pytorch_tanh");
        Standard(config, keys, Context(config, hasWindow: false), DefaultHeadWidth, epsilon: 1e-6);
    }

    protected override Placement Adjust(FolderConfig config, string name, Placement placement) =>
        name.EndsWith("_norm", StringComparison.Ordinal) ? placement with { Addend = 1 } : placement;

    // GGUF's family divides scores by the root of the head width, or of width over heads in the model of so many layers; others need a key.
    private protected static void DescribeScale(FolderConfig config, FolderKeys keys, int largeLayers)
    {
        var scalar = config.Number("query_pre_attn_scalar", DefaultHeadWidth);
        if (!(scalar > 0))
            throw config.Unsupported("query_pre_attn_scalar", $"{scalar}", "numbers above 0");
        var isLarge = config.Layers == largeLayers;
        if (isLarge && scalar != (double)config.Width / config.Heads)
            throw config.Unsupported("query_pre_attn_scalar", $"{scalar}", $"{(double)config.Width / config.Heads} in a model of {largeLayers} layers");
        if (!isLarge && scalar != config.HeadWidth(DefaultHeadWidth))
            keys.Set("attention.scale", 1 / Math.Sqrt(scalar));
    }

    // Every nth layer sees all, the others a window.
    private protected static void RequirePattern(FolderConfig config, int interval)
    {
        if (config.Json["sliding_window_pattern"] is { } pattern && pattern.Integer != interval)
            throw config.Unsupported("sliding_window_pattern", $"{pattern.Integer}", $"{interval}");
        if (config.Json["layer_types"] is not { } types)
            return;
        var layer = 0;
        foreach (var type in types.Items())
        {
            var expected = ++layer % interval == 0 ? "full_attention" : "sliding_attention";
            if (type.Text != expected)
                throw config.Unsupported($"layer_types[{layer - 1}]", $"'{type.Text}'", expected);
        }
    }
}
