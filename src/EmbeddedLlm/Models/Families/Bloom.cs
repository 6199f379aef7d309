using System.Collections.Immutable;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models.Families;

/// <summary>BLOOM and BLOOMZ: layer norms, one on the embedding too, ALiBi in place of positions.</summary>
internal sealed class Bloom : Architecture
{
    public override ImmutableArray<string> Names => ["bloom"];

    public override ModelSpec Describe(Hyperparameters keys) => Standard(keys, NormKind.Layer) with
    {
        RopeWidth = 0,
        Activation = Activation.GeluTanh,
        AlibiBias = 8,
    };
}
