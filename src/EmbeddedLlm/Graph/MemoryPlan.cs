using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace EmbeddedLlm.Graph;

/// <summary>
/// Which values of a graph share a buffer. A value lives from the op that writes it to the last op that reads it; values whose lives do not
/// overlap may stand in the same memory. A value is stored densely: row r of value v begins at <c>r · v.Width</c> of its buffer.
/// </summary>
/// <remarks>
/// <see cref="Op.Add"/>, <see cref="Op.AddVector"/>, <see cref="Op.Multiply"/>, <see cref="Op.Scale"/>, <see cref="Op.Bound"/>, <see cref="Op.Gate"/>, <see cref="Op.Activate"/> and <see cref="Op.Rope"/> may find their result
/// in the buffer of an input that dies with them, so they must read a number (rope: a pair) before they write it. All other ops write to buffers
/// that none of their inputs stands in. Lives are counted in single ops: a backend that runs two ops as one must not write a result of the second
/// before it has read all inputs of the first.
/// </remarks>
[Experimental("ELLM001")]
public sealed class MemoryPlan
{
    private readonly ImmutableArray<int> _buffers;
    private readonly ImmutableArray<bool> _picked;

    private MemoryPlan(ImmutableArray<int> buffers, ImmutableArray<bool> picked, ImmutableArray<PlannedBuffer> planned)
    {
        _buffers = buffers;
        _picked = picked;
        Buffers = planned;
    }

    /// <summary>The buffers to hold.</summary>
    public ImmutableArray<PlannedBuffer> Buffers { get; }

    /// <summary>Index into <see cref="Buffers"/> of the memory of <paramref name="value"/>.</summary>
    public int BufferOf(Value value) => _buffers[value.Id];

    /// <summary>Whether <paramref name="value"/> has only the rows that <see cref="Op.PickRows"/> keeps.</summary>
    public bool IsPicked(Value value) => _picked[value.Id];

    /// <summary>Plans the buffers of <paramref name="graph"/>.</summary>
    public static MemoryPlan For(ModelGraph graph)
    {
        var lastReads = LastReads(graph);
        var buffers = new int[graph.ValueCount];
        var picked = new bool[graph.ValueCount];
        var planned = new List<PlannedBuffer>();
        var free = new List<int>();

        for (var i = 0; i < graph.Ops.Length; i++)
        {
            var op = graph.Ops[i];
            var reused = -1;
            foreach (var result in op.Outputs)
            {
                picked[result.Id] = op is Op.PickRows || op.Inputs.Any(input => picked[input.Id]);
                if (AllowsInPlace(op) && op.Inputs.FirstOrDefault(input => lastReads[input.Id] == i && input.Width == result.Width, new Value(-1, 0)) is { Id: >= 0 } dying)
                    reused = buffers[result.Id] = buffers[dying.Id];
                else
                    buffers[result.Id] = Take(result.Width, picked[result.Id], planned, free);
            }

            // An op may name a value twice, and an unread result dies where it is written.
            foreach (var value in op.Inputs.Concat(op.Outputs).Distinct())
            {
                if (lastReads[value.Id] <= i && buffers[value.Id] != reused)
                    free.Add(buffers[value.Id]);
            }
        }

        return new MemoryPlan([.. buffers], [.. picked], [.. planned]);
    }

    /// <summary>Whether the result of <paramref name="op"/> may stand where an input of it stood.</summary>
    public static bool AllowsInPlace(Op op) => op is Op.Add or Op.AddVector or Op.Multiply or Op.Scale or Op.Bound or Op.Gate or Op.Activate or Op.Rope;

    private static int[] LastReads(ModelGraph graph)
    {
        var lastReads = new int[graph.ValueCount];
        Array.Fill(lastReads, -1);
        for (var i = 0; i < graph.Ops.Length; i++)
        {
            foreach (var input in graph.Ops[i].Inputs)
                lastReads[input.Id] = i;
        }

        lastReads[graph.Logits.Id] = int.MaxValue;
        return lastReads;
    }

    // The tightest free buffer of the same kind of rows; else the widest grows; else a new one.
    private static int Take(int width, bool picked, List<PlannedBuffer> planned, List<int> free)
    {
        var best = -1;
        foreach (var candidate in free)
        {
            if (planned[candidate].IsPicked != picked)
                continue;
            if (best < 0 || IsBetter(planned[candidate].Width, planned[best].Width, width))
                best = candidate;
        }

        if (best < 0)
        {
            planned.Add(new PlannedBuffer(width, picked));
            return planned.Count - 1;
        }

        free.Remove(best);
        planned[best] = planned[best] with { Width = Math.Max(planned[best].Width, width) };
        return best;
    }

    private static bool IsBetter(int candidate, int best, int needed) =>
        candidate >= needed ? best < needed || candidate < best : best < needed && candidate > best;
}
