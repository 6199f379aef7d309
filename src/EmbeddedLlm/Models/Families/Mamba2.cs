using System.Collections.Immutable;

namespace EmbeddedLlm.Models.Families;

/// <summary>Mamba 2, also Codestral Mamba: recurrent steps and nothing else; no attention, no feed-forward.</summary>
internal sealed class Mamba2 : Architecture
{
    public override ImmutableArray<string> Names => ["mamba2"];

    public override ModelSpec Describe(Hyperparameters keys) => WithoutAttention(keys) with { HasFeedForward = false, Recurrence = Recurrence(keys) };
}
