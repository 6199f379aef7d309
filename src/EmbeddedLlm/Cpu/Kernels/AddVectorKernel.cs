using System.Numerics.Tensors;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Cpu.Kernels;

/// <summary><c>Out = In + Vector</c>, the same for each row. Out may stand in the memory of In.</summary>
internal sealed unsafe class AddVectorKernel(Weight vector, Activations input, Activations result) : CpuKernel
{
    private readonly float[] _numbers = vector.ToFloats();

    public override void Run(int phase, CpuStep step, Worker worker)
    {
        var (start, end) = worker.Share(result.RowsIn(step));
        for (var row = start; row < end; row++)
            TensorPrimitives.Add(new ReadOnlySpan<float>(input.Row(row), input.Width), _numbers, new Span<float>(result.Row(row), result.Width));
    }
}
