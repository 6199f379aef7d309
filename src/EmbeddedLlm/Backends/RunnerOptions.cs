using System.Diagnostics.CodeAnalysis;

namespace EmbeddedLlm.Backends;

/// <summary>The sizes a runner is made for.</summary>
[Experimental("ELLM001")]
public sealed record RunnerOptions
{
    /// <summary>Positions in a block of KV memory.</summary>
    public int KvBlockTokens { get; init; } = 32;

    /// <summary>Blocks of KV memory to hold.</summary>
    public required int KvBlocks { get; init; }

    /// <summary>States of sequences to hold, where the graph has recurrent steps; without those it means nothing.</summary>
    public int StateSlots { get; init; } = 1;

    /// <summary>The number format of the KV cache.</summary>
    public KvType KvType { get; init; } = KvType.F16;

    /// <summary>The most rows (tokens) of one batch.</summary>
    public int MaxBatchRows { get; init; } = 512;

    /// <summary>The most rows of logits that one batch asks for.</summary>
    public int MaxOutputRows { get; init; } = 64;

    /// <summary>Threads; 0 for one per physical core.</summary>
    public int Threads { get; init; }

    /// <summary>Whether the file stays the only copy of the weights, to save memory at the cost of speed. The CPU does so; a backend that cannot reads them into memory of its own.</summary>
    public bool KeepWeightsInFile { get; init; }
}
