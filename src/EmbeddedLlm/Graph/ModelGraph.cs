using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace EmbeddedLlm.Graph;

/// <summary>The shape of the KV cache of one layer: each position keeps a key and a value of each head.</summary>
/// <param name="Heads">KV heads.</param>
/// <param name="HeadWidth">Numbers in the key of a head.</param>
/// <param name="ValueWidth">Numbers in the value of a head; 0 where a value is the first numbers of its key, and so need not be kept.</param>
public sealed record KvLayer(int Heads, int HeadWidth, int ValueWidth);

/// <summary>The forward pass of a model as data: what a backend loads.</summary>
/// <param name="Ops">The steps, in order.</param>
/// <param name="ValueCount">How many values the steps use; ids are 0 … ValueCount − 1. A value is written once.</param>
/// <param name="Logits">The result: logits [output rows × vocabulary]; of a graph for embeddings hidden rows [output rows × width], of one that ranks scores.</param>
/// <param name="KvLayers">The cache that the attention steps need; <see cref="Op.Attention.Layer"/> is an index into it.</param>
/// <param name="Sites">Names of the places where adapters may join.</param>
[Experimental("ELLM001")]
public sealed record ModelGraph(
    ImmutableArray<Op> Ops,
    int ValueCount,
    Value Logits,
    ImmutableArray<KvLayer> KvLayers,
    ImmutableArray<string> Sites)
{
    /// <summary>The states that recurrent steps keep for each sequence; <c>Layer</c> of such an op is an index into it. Empty for most models.</summary>
    public ImmutableArray<StateLayer> StateLayers { get; init; } = [];

    /// <summary>Whether each slice of a batch must be a whole text: attention that is not causal sees nothing that an earlier batch left.</summary>
    public bool NeedsWholeTexts => Ops.Any(op => op is Op.Attention { Spec.IsCausal: false });
}
