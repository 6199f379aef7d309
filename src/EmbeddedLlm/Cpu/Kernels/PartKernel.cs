using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Cpu.Kernels;

/// <summary>Copies a part of each run of a row.</summary>
internal sealed unsafe class PartKernel(Op.Part op, Activations input, Activations result) : CpuKernel
{
    public override void Run(int phase, CpuStep step, Worker worker)
    {
        var (start, end) = worker.Share(result.RowsIn(step) * (input.Width / op.Run));
        for (var run = start; run < end; run++)
            new ReadOnlySpan<float>(input.Data + (nint)run * op.Run + op.First, op.Count).CopyTo(new Span<float>(result.Data + (nint)run * op.Count, op.Count));
    }
}
