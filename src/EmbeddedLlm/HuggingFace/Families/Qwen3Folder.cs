using System.Collections.Immutable;

namespace EmbeddedLlm.HuggingFace.Families;

/// <summary>Qwen 3: norms on queries and keys, heads of a width of their own.</summary>
internal sealed class Qwen3Folder : LlamaLikeFolder
{
    private const int DefaultHeadWidth = 128;

    public override ImmutableArray<string> Architectures => ["Qwen3ForCausalLM"];

    public override string Name => "qwen3";

    public override void Describe(FolderConfig config, FolderKeys keys)
    {
        config.RequireActivation("hidden_act", "silu");
        Standard(config, keys, Context(config, config.Flag("use_sliding_window", false)), DefaultHeadWidth, epsilon: 1e-6);
    }
}
