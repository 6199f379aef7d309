namespace EmbeddedLlm.Cpu.Kernels;

/// <summary>Copies the rows whose logits are asked for.</summary>
internal sealed unsafe class PickRowsKernel(Activations input, Activations result) : CpuKernel
{
    public override void Run(int phase, CpuStep step, Worker worker)
    {
        var (start, end) = worker.Share(step.OutputRowCount);
        for (var row = start; row < end; row++)
            new ReadOnlySpan<float>(input.Row(step.OutputRows[row]), result.Width).CopyTo(new Span<float>(result.Row(row), result.Width));
    }
}
