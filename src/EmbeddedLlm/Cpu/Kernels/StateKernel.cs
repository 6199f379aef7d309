using System.Runtime.CompilerServices;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Cpu.Lanes;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Cpu.Kernels;

/// <summary>
/// A recurrent step whose heads each keep a matrix [state width × head width]. A unit of work is a head of a sequence: it goes through the rows one after the
/// other, so that its result does not depend on threads or chunks. Within a head it goes by a few columns at a time, whose part of the state stays in the
/// first cache for all rows.
/// </summary>
internal abstract unsafe class StateKernel<TLanes> : CpuKernel where TLanes : unmanaged, ILanes<TLanes>
{
    private readonly StateMemory _states;
    private readonly int _layer;
    private readonly float[] _stepBias;
    private readonly float[] _decay;
    private readonly int _maxRows;

    /// <param name="states">The states.</param>
    /// <param name="layer">Which of them.</param>
    /// <param name="spec">Heads and widths.</param>
    /// <param name="stepBias">[1 × heads].</param>
    /// <param name="decay">[1 × heads].</param>
    /// <param name="maxRows">The most rows of a batch.</param>
    protected StateKernel(StateMemory states, int layer, RecurrenceSpec spec, Weight stepBias, Weight decay, int maxRows)
    {
        (_states, _layer, Spec, _maxRows) = (states, layer, spec, maxRows);
        (_stepBias, _decay) = (stepBias.ToFloats(), decay.ToFloats());
        Stride = StateMemory.StrideOf(spec.HeadWidth);
    }

    public override int ScratchBytes => checked(Factors * _maxRows * sizeof(float));

    /// <summary>Heads and widths.</summary>
    protected RecurrenceSpec Spec { get; }

    /// <summary>Floats from one row of a state to the next.</summary>
    protected int Stride { get; }

    /// <summary>Numbers that each row of a head has beside its vectors.</summary>
    protected abstract int Factors { get; }

    public override void Run(int phase, CpuStep step, Worker worker)
    {
        var (slice, firstRow) = (0, 0);
        for (var unit = worker.Next(); unit < step.SliceCount * Spec.Heads; unit = worker.Next())
        {
            for (; slice < unit / Spec.Heads; slice++)
                firstRow += step.Slices[slice].Rows;
            var head = unit % Spec.Heads;
            ref readonly var own = ref step.Slices[slice];
            var state = _states.Begin(_layer, own, head * Spec.StateWidth, Spec.StateWidth, 0, Stride);
            var factors = (float*)worker.Scratch;
            Prepare(head, firstRow, own.Rows, factors);
            for (var column = 0; column < Spec.HeadWidth; column += 4 * TLanes.Count)
                Run(head, column, firstRow, own.Rows, state + column, factors);
        }
    }

    /// <summary>Works out what each row has beside its vectors: <paramref name="factors"/> [rows × <see cref="Factors"/>].</summary>
    protected abstract void Prepare(int head, int firstRow, int rows, float* factors);

    /// <summary>Takes four registers of columns of a head through the rows. <paramref name="state"/> points to the first of these columns.</summary>
    protected abstract void Run(int head, int column, int firstRow, int rows, float* state, float* factors);

    /// <summary><c>softplus(step + bias)</c>, and what part of the state it leaves: e to the power of it times the decay.</summary>
    protected (float Step, float Kept) StepOf(int head, float step)
    {
        var x = (double)step + _stepBias[head];
        var length = Math.Max(x, 0) + Math.Log(1 + Math.Exp(-Math.Abs(x)));
        return ((float)length, (float)Math.Exp(length * _decay[head]));
    }

    /// <summary><c>kept · S + write · written</c> for a register of a row of the state, which it becomes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    protected static TLanes Update(float* place, TLanes kept, TLanes write, TLanes written)
    {
        var state = TLanes.MultiplyAdd(write, written, TLanes.Load(place) * kept);
        state.Store(place);
        return state;
    }

    /// <summary>Reads a register of columns from <paramref name="column"/> on; those beyond the head are 0.</summary>
    protected TLanes Load(float* row, int column) => Spec.HeadWidth - column is var left && left >= TLanes.Count ? TLanes.Load(row + column)
        : left > 0 ? LaneMath.LoadPart<TLanes>(row + column, left)
        : TLanes.Fill(0);

    /// <summary>Writes a register of columns from <paramref name="column"/> on; those beyond the head are left out.</summary>
    protected void Store(TLanes value, float* row, int column)
    {
        var left = Spec.HeadWidth - column;
        if (left >= TLanes.Count)
            value.Store(row + column);
        else if (left > 0)
            LaneMath.StorePart(value, row + column, left);
    }
}
