using System.Numerics.Tensors;
using EmbeddedLlm.Cpu.Lanes;

namespace EmbeddedLlm.Cpu.Kernels;

/// <summary><c>Out = act(Factor) · In</c>, one factor for each row.</summary>
internal sealed unsafe class RowGateKernel<TLanes, TActivation>(Activations factor, Activations input, Activations result) : CpuKernel
    where TLanes : unmanaged, ILanes<TLanes>
    where TActivation : struct, IActivation
{
    public override void Run(int phase, CpuStep step, Worker worker)
    {
        var numbers = stackalloc float[TLanes.Count];
        var (start, end) = worker.Share(result.RowsIn(step));
        for (var row = start; row < end; row++)
        {
            TActivation.Invoke(TLanes.Fill(*factor.Row(row))).Store(numbers);
            TensorPrimitives.Multiply(new ReadOnlySpan<float>(input.Row(row), input.Width), numbers[0], new Span<float>(result.Row(row), result.Width));
        }
    }
}
