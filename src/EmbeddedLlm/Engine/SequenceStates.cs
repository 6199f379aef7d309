using EmbeddedLlm.KvCache;

namespace EmbeddedLlm.Engine;

/// <summary>
/// The states of a recurrent model's sequences. Each that runs has a slot; snapshots are kept behind blocks where another request may want to go on: where a
/// prompt parted from a known one, at the last whole block of a prompt, and at the last whole block of an answer. A draft runs from the slot into a spare one;
/// if it was right they change places, else the tokens that were right run again. Knows integers only.
/// </summary>
/// <param name="blocks">The KV blocks, with the pool of states.</param>
/// <param name="options">Sizes.</param>
internal sealed class SequenceStates(BlockPool blocks, EngineOptions options)
{
    private readonly StatePool _pool = blocks.States!;
    private readonly List<(int From, int To)> _snapshots = [];              // to be copied before anything else runs

    /// <summary>Takes slots for a sequence whose table was opened with <paramref name="cached"/> positions.</summary>
    public void Open(Sequence sequence, int cached, Step step)
    {
        var table = sequence.Table!;
        var from = StatePool.None;
        if (cached > 0)
        {
            var block = table.Blocks[cached / blocks.BlockTokens - 1];
            from = _pool.Find(block);
            _pool.Touch(block);
        }

        // The slot of the snapshot itself, where there was no other.
        sequence.State = _pool.Take();
        if (cached > 0 && from != sequence.State)
            step.StateCopies.Add((from, sequence.State));
        sequence.SpareState = options.Drafter is null ? StatePool.None : _pool.Take();
        sequence.Branch = table.Known;
        sequence.LastBlockEnd = (sequence.Count - 1) / blocks.BlockTokens * blocks.BlockTokens;
        (sequence.SnapshotBlock, sequence.DraftedAt) = (BlockPool.None, Sequence.NoDraft);
    }

    /// <summary>Gives a sequence's slots back; it still has its table.</summary>
    public void Close(Sequence sequence)
    {
        _pool.Release(sequence.State);
        if (sequence.SpareState != StatePool.None)
            _pool.Release(sequence.SpareState);
        (sequence.State, sequence.SpareState) = (StatePool.None, StatePool.None);
    }

    /// <summary>Begins a step with what earlier ones left to do.</summary>
    public void Begin(Step step)
    {
        step.StateCopies.AddRange(_snapshots);
        _snapshots.Clear();
    }

    /// <summary>How many of so many rows to run, so that a step ends where a snapshot is wanted.</summary>
    public static int RowsOf(Sequence sequence, int rows)
    {
        foreach (var end in (ReadOnlySpan<int>)[sequence.Branch, sequence.LastBlockEnd])
            if (end > sequence.Computed)
                rows = Math.Min(rows, end - sequence.Computed);
        return rows;
    }

    /// <summary>Keeps the state of a sequence, all of whose computed blocks are offered, if it stands where another may go on.</summary>
    public void Keep(Sequence sequence)
    {
        var computed = sequence.Computed;
        if (computed == 0 || computed % blocks.BlockTokens != 0 || (computed != sequence.Branch && computed < sequence.LastBlockEnd))
            return;
        var block = sequence.Table!.Blocks[computed / blocks.BlockTokens - 1];
        if (!blocks.IsCached(block))
            return;

        // Of an answer only the last is kept.
        if (sequence.SnapshotBlock != BlockPool.None)
            _pool.Drop(sequence.SnapshotBlock);
        sequence.SnapshotBlock = computed > sequence.LastBlockEnd ? block : BlockPool.None;
        if (_pool.Keep(block) is var slot and not StatePool.None)
            _snapshots.Add((sequence.State, slot));
    }

    /// <summary>Forgets snapshots: a step failed, and nobody knows which copies were made.</summary>
    public void Forget()
    {
        _snapshots.Clear();
        _pool.DropAll();
    }
}
