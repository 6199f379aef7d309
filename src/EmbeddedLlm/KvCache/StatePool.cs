namespace EmbeddedLlm.KvCache;

/// <summary>
/// Keeps the books of a runner's state slots, in integers only. A slot holds the state of a running sequence, or a snapshot: the state behind a cached KV block.
/// Sequences come first: where no slot is free, the longest unused snapshot gives way. A snapshot goes with its block.
/// </summary>
internal sealed class StatePool
{
    /// <summary>No slot.</summary>
    public const int None = -1;

    private readonly Stack<int> _free;
    private readonly Dictionary<int, LinkedListNode<(int Block, int Slot)>> _byBlock = [];
    private readonly LinkedList<(int Block, int Slot)> _byUse = [];         // the longest unused first

    public StatePool(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        Count = count;
        _free = new(Enumerable.Range(0, count).Reverse());
    }

    /// <summary>Slots in all.</summary>
    public int Count { get; }

    /// <summary>Snapshots.</summary>
    public int Snapshots => _byBlock.Count;

    /// <summary>Slots that sequences hold.</summary>
    public int Held => Count - _free.Count - _byBlock.Count;

    /// <summary>Takes a slot for a sequence; gives up the longest unused snapshot if it must. There must be one.</summary>
    public int Take()
    {
        if (_free.Count == 0 && _byUse.First is { } oldest)
            Drop(oldest.Value.Block);
        return _free.TryPop(out var slot) ? slot : throw new InvalidOperationException("No state slot is free.");
    }

    /// <summary>Gives back what <see cref="Take"/> took.</summary>
    public void Release(int slot) => _free.Push(slot);

    /// <summary>The slot with the state behind this block; <see cref="None"/> if there is none.</summary>
    public int Find(int block) => _byBlock.TryGetValue(block, out var node) ? node.Value.Slot : None;

    /// <summary>Notes that the snapshot of a block was used.</summary>
    public void Touch(int block)
    {
        var node = _byBlock[block];
        _byUse.Remove(node);
        _byUse.AddLast(node);
    }

    /// <summary>Makes room for the state behind a block.</summary>
    /// <returns>The slot to copy it to; <see cref="None"/> if it is kept already, or sequences hold all slots.</returns>
    public int Keep(int block)
    {
        if (_byBlock.ContainsKey(block))
        {
            Touch(block);
            return None;
        }

        if (_free.Count + _byBlock.Count == 0)
            return None;
        var slot = Take();
        _byBlock.Add(block, _byUse.AddLast((block, slot)));
        return slot;
    }

    /// <summary>Gives up the snapshot of a block, if there is one.</summary>
    public void Drop(int block)
    {
        if (!_byBlock.Remove(block, out var node))
            return;
        _byUse.Remove(node);
        _free.Push(node.Value.Slot);
    }

    /// <summary>Gives up all snapshots.</summary>
    public void DropAll()
    {
        while (_byUse.First is { } node)
            Drop(node.Value.Block);
    }
}
