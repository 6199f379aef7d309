using System.Diagnostics.CodeAnalysis;

namespace EmbeddedLlm.Backends;

/// <summary>The rows of one step: tokens of one or several sequences, laid behind each other.</summary>
[Experimental("ELLM001")]
public readonly ref struct Batch
{
    /// <summary>The token of each row.</summary>
    public required ReadOnlySpan<int> Tokens { get; init; }

    /// <summary>One per sequence, in the order of the rows; their row counts add up to <see cref="Tokens"/>.</summary>
    public required ReadOnlySpan<BatchSlice> Slices { get; init; }

    /// <summary>The KV blocks of all slices, laid behind each other. Position p of a slice is at block p / blockTokens of its list.</summary>
    public required ReadOnlySpan<int> KvBlocks { get; init; }

    /// <summary>Rows whose results are asked for, ascending.</summary>
    public required ReadOnlySpan<int> OutputRows { get; init; }
}

/// <summary>The rows of one sequence in a batch.</summary>
/// <param name="Rows">How many rows it has here.</param>
/// <param name="Past">Positions already in its cache; its first row stands at position Past. 0 where the graph needs whole texts.</param>
/// <param name="KvStart">Where its list begins in <see cref="Batch.KvBlocks"/>.</param>
/// <param name="KvCount">How many blocks it has; they hold at least Past + Rows positions.</param>
[Experimental("ELLM001")]
public readonly record struct BatchSlice(int Rows, int Past, int KvStart, int KvCount)
{
    /// <summary>Where the recurrent steps of the graph find the sequence's state, as it is behind position Past − 1. Not read where Past is 0: then it is zeros.</summary>
    public int StateFrom { get; init; }

    /// <summary>Where they leave the state behind the last row: a slot that no other slice of the batch reads or writes; it may be <see cref="StateFrom"/>.</summary>
    public int StateTo { get; init; }
}
