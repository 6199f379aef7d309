using System.Collections.Immutable;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models.Families;

/// <summary>Phi 3, 3.5 and 4: Llama with fused tensors, LongRoPE in the long ones, a window in some.</summary>
internal sealed class Phi3 : Architecture
{
    public override ImmutableArray<string> Names => ["phi3"];

    public override ModelSpec Describe(Hyperparameters keys) => Standard(keys) with
    {
        RopePairing = RopePairing.Halves,
        Window = Window(keys),
    };
}
