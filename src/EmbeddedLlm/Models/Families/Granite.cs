using System.Collections.Immutable;

namespace EmbeddedLlm.Models.Families;

/// <summary>IBM Granite 3 and 4, dense and with experts: Llama with a factor on embedding, residuals, attention and logits (muP).</summary>
internal class Granite : Architecture
{
    public override ImmutableArray<string> Names => ["granite", "granitemoe"];

    public override ModelSpec Describe(Hyperparameters keys) => Standard(keys) with
    {
        EmbeddingScale = Factor(keys, "embedding_scale"),
        ResidualScale = Factor(keys, "residual_scale"),
        LogitScale = 1 / Factor(keys, "logit_scale"),
        // Files of the hybrid kind say by this flag that attention knows no positions.
        NoRopeInterval = keys.Flag("rope.scaling.finetuned", true) ? 0 : 1,
    };
}
