using EmbeddedLlm.Cpu.Lanes;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Cpu.Kernels;

/// <summary>The recurrence of Mamba 2: <c>S = kept · S + B ⊗ (step · x)</c>, <c>out = Sᵀ · C + skip · x</c>.</summary>
internal sealed unsafe class StateSpaceKernel<TLanes>(
    Op.StateSpace op, StateMemory states, Activations x, Activations b, Activations c, Activations step, Activations result, int maxRows)
    : StateKernel<TLanes>(states, op.Layer, op.Spec, op.StepBias, op.Decay, maxRows)
    where TLanes : unmanaged, ILanes<TLanes>
{
    private readonly float[] _skip = op.Skip.ToFloats();

    protected override int Factors => 2;

    protected override void Prepare(int head, int firstRow, int rows, float* factors)
    {
        for (var row = 0; row < rows; row++)
            (factors[2 * row], factors[2 * row + 1]) = StepOf(head, step.Row(firstRow + row)[head]);
    }

    protected override void Run(int head, int column, int firstRow, int rows, float* state, float* factors)
    {
        var group = head / (Spec.Heads / Spec.Groups) * Spec.StateWidth;
        var skip = TLanes.Fill(_skip[head]);
        var (width, stateWidth, stride) = (TLanes.Count, Spec.StateWidth, Stride);
        for (var row = 0; row < rows; row++)
        {
            var input = x.Row(firstRow + row) + head * Spec.HeadWidth;
            var (x0, x1, x2, x3) = (Load(input, column), Load(input, column + width), Load(input, column + 2 * width), Load(input, column + 3 * width));
            var (length, kept) = (TLanes.Fill(factors[2 * row]), TLanes.Fill(factors[2 * row + 1]));
            var (written0, written1, written2, written3) = (x0 * length, x1 * length, x2 * length, x3 * length);
            var (sum0, sum1, sum2, sum3) = (x0 * skip, x1 * skip, x2 * skip, x3 * skip);
            float* writer = b.Row(firstRow + row) + group, reader = c.Row(firstRow + row) + group;
            var place = state;
            for (var n = 0; n < stateWidth; n++, place += stride)
            {
                var (write, read) = (TLanes.Fill(writer[n]), TLanes.Fill(reader[n]));
                var s0 = Update(place, kept, write, written0);
                var s1 = Update(place + width, kept, write, written1);
                var s2 = Update(place + 2 * width, kept, write, written2);
                var s3 = Update(place + 3 * width, kept, write, written3);
                sum0 = TLanes.MultiplyAdd(s0, read, sum0);
                sum1 = TLanes.MultiplyAdd(s1, read, sum1);
                sum2 = TLanes.MultiplyAdd(s2, read, sum2);
                sum3 = TLanes.MultiplyAdd(s3, read, sum3);
            }

            var output = result.Row(firstRow + row) + head * Spec.HeadWidth;
            Store(sum0, output, column);
            Store(sum1, output, column + width);
            Store(sum2, output, column + 2 * width);
            Store(sum3, output, column + 3 * width);
        }
    }
}
