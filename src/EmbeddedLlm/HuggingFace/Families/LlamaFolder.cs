using System.Collections.Immutable;

namespace EmbeddedLlm.HuggingFace.Families;

/// <summary>Llama 1 to 3.3, Mistral 7B, and what shares their class.</summary>
internal sealed class LlamaFolder : LlamaLikeFolder
{
    public override ImmutableArray<string> Architectures => ["LlamaForCausalLM", "MistralForCausalLM"];

    public override string Name => "llama";

    public override void Describe(FolderConfig config, FolderKeys keys)
    {
        config.RequireActivation("hidden_act", "silu");
        Standard(config, keys, Context(config, hasWindow: config.Architecture == "MistralForCausalLM"), epsilon: 1e-6);
    }

    // Rope turns numbers i and i + n of a head of 2n together here, and 2i and 2i + 1 in GGUF: rows of queries and keys stand in another order.
    protected override Placement Adjust(FolderConfig config, string name, Placement placement)
    {
        if (name is not ("attn_q" or "attn_k"))
            return placement;
        var width = config.HeadWidth();
        var pairs = Math.Max(1, width / 2);
        return placement with
        {
            RowUnit = 2 * pairs,
            RowFrom = row => row / (2 * pairs) * (2 * pairs) + row % 2 * pairs + row % (2 * pairs) / 2,
        };
    }
}
