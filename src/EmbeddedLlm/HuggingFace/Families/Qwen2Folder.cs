using System.Collections.Immutable;

namespace EmbeddedLlm.HuggingFace.Families;

/// <summary>Qwen 2 and 2.5, and the DeepSeek R1 models distilled into them.</summary>
internal sealed class Qwen2Folder : LlamaLikeFolder
{
    public override ImmutableArray<string> Architectures => ["Qwen2ForCausalLM"];

    public override string Name => "qwen2";

    public override void Describe(FolderConfig config, FolderKeys keys)
    {
        config.RequireActivation("hidden_act", "silu");
        Standard(config, keys, Context(config, config.Flag("use_sliding_window", false)), epsilon: 1e-6);
    }
}
