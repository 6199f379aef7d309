namespace EmbeddedLlm.KvCache;

/// <summary>The KV blocks of one sequence in the order of its positions: first those it shares, then its own.</summary>
/// <param name="pool">Where they come from.</param>
/// <param name="key">Blocks are shared only with sequences of the same key.</param>
/// <param name="shares">Whether blocks are shared at all.</param>
internal sealed class BlockTable(BlockPool pool, long key, bool shares = true)
{
    private readonly List<int> _blocks = [];
    private int _offered;                                                   // blocks from the beginning that the pool was told of

    /// <summary>The blocks; position p is in block p / BlockTokens.</summary>
    public ReadOnlySpan<int> Blocks => System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_blocks);

    /// <summary>Positions that the blocks have room for.</summary>
    public int Positions => _blocks.Count * pool.BlockTokens;

    /// <summary>Positions for which <see cref="TryOpen"/> found whole blocks, those without a state behind them included.</summary>
    public int Known { get; private set; }

    /// <summary>
    /// Takes blocks for all tokens of a sequence, sharing what is cached of them. The last token is never shared: its logits are needed.
    /// Where a cached block agrees only in part, it is to be copied, and the rest overwritten in the copy. In models with states a sequence can go on only from
    /// the end of a block behind which the state is known.
    /// </summary>
    /// <param name="tokens">The sequence; the table is empty.</param>
    /// <param name="spare">How many more blocks must be free, left for others.</param>
    /// <param name="cached">Positions that need not be computed.</param>
    /// <param name="copyFrom">The block to copy before the next step runs; <see cref="BlockPool.None"/> for none.</param>
    /// <param name="copyTo">The block to copy it to.</param>
    /// <returns>False, and nothing is taken, if not enough blocks are free.</returns>
    public bool TryOpen(ReadOnlySpan<int> tokens, int spare, out int cached, out int copyFrom, out int copyTo)
    {
        var reusable = shares ? tokens[..^1] : [];
        cached = 0;
        while (cached + pool.BlockTokens <= reusable.Length && pool.Find(key, Last, reusable.Slice(cached, pool.BlockTokens)) is >= 0 and var block)
        {
            pool.Hold(block);
            _blocks.Add(block);
            cached += pool.BlockTokens;
        }
        Known = cached;
        if (pool.States is { } states)
            cached = CutToState(states);
        _offered = _blocks.Count;
        var own = pool.BlocksFor(tokens.Length) - _blocks.Count;

        var part = 0;
        copyFrom = pool.States is null ? pool.FindLongest(key, Last, reusable[cached..], out part) : BlockPool.None;
        copyTo = BlockPool.None;
        if (copyFrom != BlockPool.None)
        {
            pool.Hold(copyFrom);                                            // not to be taken by what follows
            if (pool.Free < own + spare)
            {
                pool.Release(copyFrom);
                copyFrom = BlockPool.None;
            }
        }
        if (pool.Free < own + spare)
        {
            Release();
            return false;
        }
        for (var i = 0; i < own; i++)
            _blocks.Add(pool.Take());
        if (copyFrom != BlockPool.None)
        {
            copyTo = _blocks[_offered];
            cached += part;
            pool.Release(copyFrom);                                         // may be evicted from here on, but is only written to by later steps
        }
        return true;
    }

    /// <summary>Shares blocks that others have computed since, in place of own ones not begun.</summary>
    /// <param name="tokens">The sequence.</param>
    /// <param name="computed">Positions computed.</param>
    /// <returns>Positions computed now, still without the last token's.</returns>
    public int Adopt(ReadOnlySpan<int> tokens, int computed)
    {
        for (; shares && computed == _offered * pool.BlockTokens && computed + pool.BlockTokens < tokens.Length; computed += pool.BlockTokens)
        {
            var shared = pool.Find(key, Parent, tokens.Slice(computed, pool.BlockTokens));
            if (shared == BlockPool.None)
                break;
            Replace(_offered++, shared);
        }
        return computed;
    }

    /// <summary>Adds a block; false if none is free.</summary>
    public bool TryGrow()
    {
        if (pool.Free == 0)
            return false;
        _blocks.Add(pool.Take());
        return true;
    }

    /// <summary>
    /// Offers blocks that are computed to the end for sharing. Where another block holds the same already, it takes this one's place,
    /// which is allowed because equal tokens at equal positions give equal keys and values.
    /// </summary>
    /// <param name="tokens">The sequence.</param>
    /// <param name="computed">Positions computed.</param>
    public void OfferFull(ReadOnlySpan<int> tokens, int computed)
    {
        for (; shares && (_offered + 1) * pool.BlockTokens <= computed; _offered++)
        {
            var own = _blocks[_offered];
            var shared = pool.Cache(own, key, Parent, tokens.Slice(_offered * pool.BlockTokens, pool.BlockTokens));
            if (shared != own)
                Replace(_offered, shared);
        }
    }

    /// <summary>Offers all that is computed for sharing, a part of a block too, and gives all blocks back.</summary>
    public void Close(ReadOnlySpan<int> tokens, int computed)
    {
        if (!shares)
        {
            Release();
            return;
        }
        OfferFull(tokens, computed);
        var rest = tokens[(_offered * pool.BlockTokens)..computed];
        if (rest.Length > 0)
            pool.Cache(_blocks[_offered], key, Parent, rest);
        Release();
    }

    /// <summary>Gives all blocks back and lets nobody find them: what they hold may be wrong.</summary>
    public void Discard()
    {
        foreach (var block in _blocks)
            pool.Forget(block);
        Release();
    }

    // Gives back blocks without a state at their end; returns the positions left.
    private int CutToState(StatePool states)
    {
        while (_blocks.Count > 0 && states.Find(Last) == StatePool.None)
        {
            pool.Release(Last);
            _blocks.RemoveAt(_blocks.Count - 1);
        }

        return Positions;
    }

    private int Last => _blocks.Count == 0 ? BlockPool.None : _blocks[^1];

    private int Parent => _offered == 0 ? BlockPool.None : _blocks[_offered - 1];

    private void Replace(int index, int shared)
    {
        pool.Hold(shared);
        pool.Release(_blocks[index]);
        _blocks[index] = shared;
    }

    private void Release()
    {
        for (var i = _blocks.Count - 1; i >= 0; i--)
            pool.Release(_blocks[i]);
        _blocks.Clear();
        _offered = 0;
    }
}
