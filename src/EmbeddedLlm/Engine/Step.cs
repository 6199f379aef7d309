using EmbeddedLlm.Backends;

namespace EmbeddedLlm.Engine;

/// <summary>What the scheduler wants to be run next. One is filled again and again.</summary>
internal sealed class Step(int maxRows, int maxSequences, int maxOutputs)
{
    private readonly BatchBuilder _batch = new(maxRows, maxSequences, maxOutputs);

    /// <summary>The sequences that run, in the order of <see cref="Batch.Slices"/>.</summary>
    public List<Sequence> Sequences { get; } = [];

    /// <summary>Sequences that hold blocks from this step on; one may wait for what another is computing for both.</summary>
    public List<Sequence> Admitted { get; } = [];

    /// <summary>Sequences that had to give their blocks back.</summary>
    public List<Sequence> Preempted { get; } = [];

    /// <summary>Blocks to copy before the batch runs, in this order.</summary>
    public List<(int From, int To)> Copies { get; } = [];

    /// <summary>States of a recurrent model to copy before the batch runs, in this order.</summary>
    public List<(int From, int To)> StateCopies { get; } = [];

    /// <summary>Rows of logits that come back.</summary>
    public int Outputs => _batch.Outputs;

    /// <summary>Rows that are still free.</summary>
    public int FreeRows => _batch.FreeRows;

    public Batch Batch => _batch.Batch;

    public int Rows(int sequence) => _batch.Rows(sequence);

    public void Clear()
    {
        Sequences.Clear();
        Admitted.Clear();
        Preempted.Clear();
        Copies.Clear();
        StateCopies.Clear();
        _batch.Clear();
    }

    /// <summary>Adds the next rows of a sequence; the logits of its last token are asked for if that is among them, and of the draft's behind it.</summary>
    public void Add(Sequence sequence, int rows)
    {
        Sequences.Add(sequence);
        var outputs = Math.Max(0, rows - (sequence.Remaining - 1));
        _batch.Add(sequence.TokensAndDraft.Slice(sequence.Computed, rows), sequence.Computed, sequence.Table!.Blocks, outputs,
            (sequence.State, sequence.DraftedAt == Sequence.NoDraft ? sequence.State : sequence.SpareState));
    }
}
