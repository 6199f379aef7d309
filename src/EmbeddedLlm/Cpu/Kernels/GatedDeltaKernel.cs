using System.Numerics.Tensors;
using EmbeddedLlm.Cpu.Lanes;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Cpu.Kernels;

/// <summary>The gated delta rule: <c>S = kept · S</c>, <c>S = S + k ⊗ (beta · (v − Sᵀ · k))</c>, <c>out = Sᵀ · q / √n</c>, with k and q of length 1.</summary>
internal sealed unsafe class GatedDeltaKernel<TLanes>(
    Op.GatedDelta op, StateMemory states, Activations q, Activations k, Activations v, Activations step, Activations beta, Activations result, int maxRows)
    : StateKernel<TLanes>(states, op.Layer, op.Spec, op.StepBias, op.Decay, maxRows)
    where TLanes : unmanaged, ILanes<TLanes>
{
    private readonly float _root = MathF.Sqrt(op.Spec.StateWidth);

    // What is kept, beta, and what k and q are multiplied with.
    protected override int Factors => 4;

    protected override void Prepare(int head, int firstRow, int rows, float* factors)
    {
        var group = head % Spec.Groups * Spec.StateWidth;
        for (var row = 0; row < rows; row++, factors += 4)
        {
            factors[0] = StepOf(head, step.Row(firstRow + row)[head]).Kept;
            factors[1] = 1 / (1 + MathF.Exp(-beta.Row(firstRow + row)[head]));
            factors[2] = 1 / Length(k.Row(firstRow + row) + group);
            factors[3] = 1 / (Length(q.Row(firstRow + row) + group) * _root);
        }
    }

    protected override void Run(int head, int column, int firstRow, int rows, float* state, float* factors)
    {
        var group = head % Spec.Groups * Spec.StateWidth;
        var (width, stateWidth, stride) = (TLanes.Count, Spec.StateWidth, Stride);
        var key = k.Row(firstRow) + group;
        var (known0, known1, known2, known3) = (TLanes.Fill(0), TLanes.Fill(0), TLanes.Fill(0), TLanes.Fill(0));
        var place = state;
        for (var n = 0; n < stateWidth; n++, place += stride)
        {
            var write = TLanes.Fill(key[n]);
            known0 = TLanes.MultiplyAdd(write, TLanes.Load(place), known0);
            known1 = TLanes.MultiplyAdd(write, TLanes.Load(place + width), known1);
            known2 = TLanes.MultiplyAdd(write, TLanes.Load(place + 2 * width), known2);
            known3 = TLanes.MultiplyAdd(write, TLanes.Load(place + 3 * width), known3);
        }

        for (var row = 0; row < rows; row++, factors += 4)
        {
            var value = v.Row(firstRow + row) + head * Spec.HeadWidth;
            var kept = TLanes.Fill(factors[0]);
            var (keptUnit, written) = (TLanes.Fill(factors[0] * factors[2]), TLanes.Fill(factors[1] * factors[2]));
            var written0 = (Load(value, column) - known0 * keptUnit) * written;
            var written1 = (Load(value, column + width) - known1 * keptUnit) * written;
            var written2 = (Load(value, column + 2 * width) - known2 * keptUnit) * written;
            var written3 = (Load(value, column + 3 * width) - known3 * keptUnit) * written;

            // What the state knows of the next row's key is summed up while the state is at hand; behind the last row nobody asks.
            var next = row + 1 < rows ? k.Row(firstRow + row + 1) + group : key;
            var query = q.Row(firstRow + row) + group;
            var (sum0, sum1, sum2, sum3) = (TLanes.Fill(0), TLanes.Fill(0), TLanes.Fill(0), TLanes.Fill(0));
            (known0, known1, known2, known3) = (sum0, sum1, sum2, sum3);
            place = state;
            for (var n = 0; n < stateWidth; n++, place += stride)
            {
                var (write, read, ask) = (TLanes.Fill(key[n]), TLanes.Fill(query[n]), TLanes.Fill(next[n]));
                var s0 = Update(place, kept, write, written0);
                var s1 = Update(place + width, kept, write, written1);
                var s2 = Update(place + 2 * width, kept, write, written2);
                var s3 = Update(place + 3 * width, kept, write, written3);
                sum0 = TLanes.MultiplyAdd(s0, read, sum0);
                sum1 = TLanes.MultiplyAdd(s1, read, sum1);
                sum2 = TLanes.MultiplyAdd(s2, read, sum2);
                sum3 = TLanes.MultiplyAdd(s3, read, sum3);
                known0 = TLanes.MultiplyAdd(ask, s0, known0);
                known1 = TLanes.MultiplyAdd(ask, s1, known1);
                known2 = TLanes.MultiplyAdd(ask, s2, known2);
                known3 = TLanes.MultiplyAdd(ask, s3, known3);
            }

            var output = result.Row(firstRow + row) + head * Spec.HeadWidth;
            var unit = TLanes.Fill(factors[3]);
            Store(sum0 * unit, output, column);
            Store(sum1 * unit, output, column + width);
            Store(sum2 * unit, output, column + 2 * width);
            Store(sum3 * unit, output, column + 3 * width);
            key = next;
        }
    }

    private float Length(float* vector) => MathF.Max(TensorPrimitives.Norm(new ReadOnlySpan<float>(vector, Spec.StateWidth)), op.Epsilon);
}
