using System.Runtime.CompilerServices;
using EmbeddedLlm.Grammar.Automata;

namespace EmbeddedLlm.Grammar.Masks;

/// <summary>Finds the tokens that may come after a row, by walking the vocabulary and the automaton side by side.</summary>
internal sealed class MaskBuilder(TokenTable tokens, Automaton automaton, Coverage coverage)
{
    private readonly Row[] _path = new Row[tokens.Trie.Depth + 1];
    private readonly List<Row> _masked = [];                                // rows with a mask, which answers may hold on to

    /// <summary>The mask of a row, from its cache if it was asked for before.</summary>
    public ulong[] Of(Row row)
    {
        automaton.Refresh(row);
        if (row.Mask is { } known)
            return known;
        if ((long)_masked.Count * tokens.Words * sizeof(ulong) > ConstraintLimits.CachedMaskBytes)
        {
            foreach (var masked in _masked)
                masked.Mask = null;
            _masked.Clear();
            automaton.TrimIfLarge(force: true);
            automaton.Refresh(row);
        }
        _masked.Add(row);
        return row.Mask = Build(row);
    }

    private ulong[] Build(Row row)
    {
        var items = automaton.Close(row);
        var slices = coverage.Of(row);
        ulong[] mask;
        if (slices < Slice.All.Count && items.Length == 1 && coverage.ExactLength(items[0].Expr) is var length and > 0 && length < tokens.PlainUpTo.Length)
        {
            // A text with a bound on its length: which tokens of the last slice fit is known, the others are walked.
            mask = (ulong[])tokens.PlainUpTo[length].Clone();
            Walk(tokens.Remainders[^1], row, mask);
        }
        else
        {
            mask = slices > 0 ? (ulong[])tokens.Slices[slices - 1].Clone() : new ulong[tokens.Words];
            Walk(slices > 0 ? tokens.Remainders[slices - 1] : tokens.Trie, row, mask);
        }
        foreach (var (set, _) in row.TokenItems)
            Add(set, mask);
        if (row.IsAccepting)
        {
            for (var i = 0; i < mask.Length; i++)
                mask[i] |= tokens.Ends[i];
        }
        return mask;
    }

    // Compiled in full at once: the first mask is one long walk.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Walk(TokenTrie trie, Row row, ulong[] mask)
    {
        var path = _path;
        path[0] = row;
        var nodes = trie.Nodes;
        var dead = automaton.Dead;
        for (var i = 0; i < nodes.Length;)
        {
            ref readonly var node = ref nodes[i];
            var current = path[node.Depth];
            var next = current.Next?[node.Byte] ?? automaton.Step(current, node.Byte);
            if (next == dead)
            {
                i += node.Size;
                continue;
            }
            if (node.Token >= 0)
                mask[node.Token >> 6] |= 1UL << node.Token;
            if (node.Size > 1)
                path[node.Depth + 1] = next;
            i++;
        }
    }

    private void Add(TokenSet set, ulong[] mask)
    {
        if (!set.IsNegated)
        {
            mask[set.Id >> 6] |= 1UL << set.Id;
            return;
        }
        for (var id = 0; id < tokens.Count; id++)
        {
            if (id != set.Id && !tokens.IsEnd(id))
                mask[id >> 6] |= 1UL << id;
        }
    }
}
