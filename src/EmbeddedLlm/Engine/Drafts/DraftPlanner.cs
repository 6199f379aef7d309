using System.Runtime.InteropServices;
using EmbeddedLlm.KvCache;
using Microsoft.Extensions.Logging;

namespace EmbeddedLlm.Engine.Drafts;

/// <summary>
/// Says which sequences of the next step are to be drafted and how far, and that all of it fits: rows, tokens left to generate, KV blocks.
/// No sequence waits or gives way for another's draft.
/// </summary>
internal sealed class DraftPlanner(IDrafter drafter, BlockPool pool, EngineOptions options, ILogger logger)
{
    private readonly List<Sequence> _drafting = [];
    private bool _hasFailed;

    /// <summary>Gives drafts to sequences that decode.</summary>
    /// <param name="running">All that run, the oldest first; each keeps a row of the step.</param>
    public void Plan(List<Sequence> running)
    {
        Allot(running);
        if (_drafting.Count == 0)
            return;
        try
        {
            drafter.Draft(CollectionsMarshal.AsSpan(_drafting));
        }
        catch (Exception failure)
        {
            _hasFailed = true;
            logger.DraftingFailed(failure);
            foreach (var sequence in _drafting)
                sequence.CutDraft(0);
        }
        foreach (var sequence in _drafting)
            Fit(sequence, running.Count);
    }

    /// <summary>Notes that a sequence runs no longer.</summary>
    public void Close(Sequence sequence) => drafter.Close(sequence);

    private void Allot(List<Sequence> running)
    {
        _drafting.Clear();
        var free = Math.Min(EngineOptions.MaxVerifiedRows, options.MaxBatchRows) - running.Count;
        if (free <= 0 || _hasFailed)
            return;
        foreach (var sequence in running)
            if (sequence.Remaining == 1 && Room(sequence) > 0)
                _drafting.Add(sequence);
        // Equal shares, at least a row each; what one may not use goes to the next, and who comes too late goes without.
        if (_drafting.Count > free)
            _drafting.RemoveRange(free, _drafting.Count - free);
        for (var (i, left) = (0, _drafting.Count); left > 0; i++, left--)
        {
            var sequence = _drafting[i];
            sequence.DraftRoom = Math.Min(Room(sequence), free / left);
            free -= sequence.DraftRoom;
        }
    }

    // The model gives one token more than the draft has.
    private static int Room(Sequence sequence) => Math.Min(sequence.Allowance.Tokens, sequence.MaxTokens - sequence.Count - 1);

    // A block is taken ahead of its time only if as many as could be asked for at once stay free.
    private void Fit(Sequence sequence, int running)
    {
        var table = sequence.Table!;
        while (sequence.Count + sequence.Draft.Length > table.Positions && pool.Free > running && table.TryGrow())
        {
        }
        if (sequence.Count + sequence.Draft.Length > table.Positions)
            sequence.CutDraft(Math.Max(0, table.Positions - sequence.Count));
    }
}
