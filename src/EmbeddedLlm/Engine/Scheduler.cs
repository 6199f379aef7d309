using EmbeddedLlm.Engine.Drafts;
using EmbeddedLlm.KvCache;

namespace EmbeddedLlm.Engine;

/// <summary>
/// Decides what runs in the next step. Requests are served in the order they came; those that decode go first in a step, the rows left
/// are shared among the prompts. Who is older may take the KV blocks of who is younger; the younger one is computed again later, so the
/// oldest always gets on and no request fails for lack of memory. Knows integers only: no tensor, no thread, no clock.
/// </summary>
internal sealed class Scheduler(BlockPool pool, EngineOptions options, DraftPlanner? drafts)
{
    private readonly List<Sequence> _running = [];                          // oldest first
    private readonly LinkedList<Sequence> _waiting = [];                    // oldest first, all younger than those that run
    private readonly List<Sequence> _prompts = [];
    private readonly SequenceStates? _states = pool.States is null ? null : new(pool, options);

    public int Running => _running.Count;

    public int Waiting => _waiting.Count;

    public bool IsIdle => _running.Count + _waiting.Count == 0;

    public IEnumerable<Sequence> Sequences => _running.Concat(_waiting);

    public void Add(Sequence sequence) => _waiting.AddLast(sequence);

    /// <summary>Takes sequences that nobody wants any more out.</summary>
    /// <param name="removed">Becomes the list of them.</param>
    public void RemoveAbandoned(List<Sequence> removed)
    {
        removed.Clear();
        foreach (var sequence in _running)
            if (sequence.Stream.IsAbandoned)
                removed.Add(sequence);
        foreach (var sequence in removed)
            Remove(sequence);
        for (var node = _waiting.First; node is not null;)
        {
            var next = node.Next;
            if (node.Value.Stream.IsAbandoned)
            {
                removed.Add(node.Value);
                _waiting.Remove(node);
            }
            node = next;
        }
    }

    /// <summary>Takes a running sequence out; what it computed stays cached.</summary>
    public void Remove(Sequence sequence)
    {
        Close(sequence);
        _running.Remove(sequence);
    }

    /// <summary>Takes a running sequence out; what it computed is not trusted.</summary>
    public void Discard(Sequence sequence)
    {
        drafts?.Close(sequence);
        _states?.Close(sequence);
        sequence.Table!.Discard();
        sequence.Table = null;
        _running.Remove(sequence);
    }

    /// <summary>Forgets what the copies of a failed step may have left undone.</summary>
    public void DistrustCopies() => _states?.Forget();

    /// <summary>Notes that the rows of a step have run.</summary>
    public void Advance(Sequence sequence, int rows)
    {
        sequence.Computed += rows;
        if (sequence.DraftedAt == Sequence.NoDraft)
            Offer(sequence);
    }

    /// <summary>
    /// Notes how a step's draft went. A recurrent model's state behind a draft that was not right to the end is of no use: the tokens that were right run again.
    /// </summary>
    public void Settle(Sequence sequence, bool isRight)
    {
        if (sequence.DraftedAt == Sequence.NoDraft || sequence.Table is null)
            return;
        if (!isRight)
            sequence.Computed = sequence.DraftedAt;
        else
            (sequence.State, sequence.SpareState) = (sequence.SpareState, sequence.State);
        sequence.DraftedAt = Sequence.NoDraft;
        if (isRight)
            Offer(sequence);
    }

    /// <summary>Fills the next step; unless idle, it has rows.</summary>
    public void Next(Step step)
    {
        step.Clear();
        _states?.Begin(step);
        MakeRoom(step);
        if (step.Preempted.Count == 0)
            Admit(step);
        drafts?.Plan(_running);
        foreach (var sequence in _running)
            if (sequence is { Guide: { } guide, Draft.Length: > 0 })
                sequence.CutDraft(guide.Fit(sequence.Draft));
        AddRows(step);
    }

    // Every sequence needs room for the tokens it got in the last step, the oldest first.
    private void MakeRoom(Step step)
    {
        for (var i = 0; i < _running.Count; i++)
        {
            while (!HasRoom(_running[i]))
            {
                if (_running[i].Table!.TryGrow())
                    continue;
                if (i == _running.Count - 1)
                    break;
                Preempt(_running[^1], step);
            }
        }
    }

    private void Preempt(Sequence sequence, Step step)
    {
        Close(sequence);
        _running.Remove(sequence);
        _waiting.AddFirst(sequence);
        sequence.WasPreempted = true;
        step.Preempted.Add(sequence);
    }

    private void Admit(Step step)
    {
        while (_waiting.First is { Value: var sequence } && _running.Count < options.MaxSequences)
        {
            // A block is left for each that runs, lest its growth throws this one out again at once.
            var table = new BlockTable(pool, sequence.PrefixKey, sequence.SharesPrefix);
            if (!table.TryOpen(sequence.Tokens, _running.Count, out var cached, out var copyFrom, out var copyTo))
                return;
            _waiting.RemoveFirst();
            _running.Add(sequence);
            step.Admitted.Add(sequence);
            sequence.Table = table;
            SetComputed(sequence, cached);
            if (copyTo != BlockPool.None)
                step.Copies.Add((copyFrom, copyTo));
            _states?.Open(sequence, cached, step);
        }
    }

    private void AddRows(Step step)
    {
        foreach (var sequence in _running)
            if (sequence.Remaining == 1 && HasRoom(sequence))
                AddRow(step, sequence);

        _prompts.Clear();
        foreach (var sequence in _running)
            if (sequence.Remaining > 1 && HasRoom(sequence) && !WaitsForPrefix(sequence))
                _prompts.Add(sequence);

        // Equal shares of what is left, at least a row each, since a step has no fewer rows than sequences; what one does not need goes to the next.
        for (var left = _prompts.Count; left > 0; left--)
            AddRows(step, _prompts[^left], (step.FreeRows + left - 1) / left);
    }

    private void AddRow(Step step, Sequence sequence)
    {
        if (_states is not null && sequence.Draft.Length > 0)
            sequence.DraftedAt = sequence.Computed;
        step.Add(sequence, 1 + sequence.Draft.Length);
    }

    private void AddRows(Step step, Sequence sequence, int most)
    {
        var rows = Math.Min(sequence.Remaining, most);
        step.Add(sequence, _states is null ? rows : SequenceStates.RowsOf(sequence, rows));
    }

    private void Offer(Sequence sequence)
    {
        sequence.Table!.OfferFull(sequence.Tokens, sequence.Computed);
        _states?.Keep(sequence);
    }

    // Whether an older sequence is about to compute the very block that this one needs next: then it is cheaper to wait and share it.
    private bool WaitsForPrefix(Sequence sequence)
    {
        if (_states is not null || !sequence.SharesPrefix)
            return false;                                                   // the state is its own
        SetComputed(sequence, sequence.Table!.Adopt(sequence.Tokens, sequence.Computed));
        var end = sequence.Computed + pool.BlockTokens;
        if (sequence.Computed % pool.BlockTokens != 0 || sequence.Count <= end)
            return false;
        foreach (var older in _running)
        {
            if (older == sequence)
                break;
            if (older.Remaining > 1 && older.Count >= end && older.Computed < end && older.SharesPrefix && older.PrefixKey == sequence.PrefixKey
                && older.Tokens[..end].SequenceEqual(sequence.Tokens[..end]))
                return true;
        }
        return false;
    }

    private static bool HasRoom(Sequence sequence) => sequence.Count <= sequence.Table!.Positions;

    // Found computed by others, or by the sequence itself before it was preempted.
    private static void SetComputed(Sequence sequence, int computed)
    {
        if (!sequence.WasPreempted)
            sequence.Stream.CachedTokens = Math.Min(sequence.Stream.CachedTokens + computed - sequence.Computed, sequence.Stream.PromptTokens);
        sequence.Computed = computed;
    }

    private void Close(Sequence sequence)
    {
        drafts?.Close(sequence);
        _states?.Close(sequence);
        sequence.Table!.Close(sequence.Tokens, sequence.Computed);
        sequence.Table = null;
        sequence.Computed = 0;
    }
}
