using EmbeddedLlm.Backends;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Testing;

/// <summary>The states of one recurrent step: a matrix for each slot.</summary>
internal sealed class ReferenceState(StateLayer layer, RunnerOptions options)
{
    private readonly float[] _states = new float[checked(options.StateSlots * layer.Rows * layer.Columns)];     // [slots × rows × columns]

    private int Size => layer.Rows * layer.Columns;

    /// <summary>The state to work on for a slice: that of <c>StateTo</c>, begun with what <c>StateFrom</c> holds or with zeros.</summary>
    public Span<float> Begin(BatchSlice slice)
    {
        var state = _states.AsSpan(slice.StateTo * Size, Size);
        if (slice.Past == 0)
            state.Clear();
        else
            Copy(slice.StateFrom, slice.StateTo);
        return state;
    }

    public void Copy(int from, int to) => _states.AsSpan(from * Size, Size).CopyTo(_states.AsSpan(to * Size, Size));
}
