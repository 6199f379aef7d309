using System.Collections.Immutable;

namespace EmbeddedLlm.Models.Families;

/// <summary>IBM Granite 4 of the hybrid kind: Granite with the recurrence of Mamba 2 in place of attention in most layers.</summary>
internal sealed class GraniteHybrid : Granite
{
    public override ImmutableArray<string> Names => ["granitehybrid"];

    public override ModelSpec Describe(Hyperparameters keys) => base.Describe(keys) with { Recurrence = Recurrence(keys) };
}
