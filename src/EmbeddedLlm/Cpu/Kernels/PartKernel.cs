namespace EmbeddedLlm.Cpu.Kernels;

/// <summary>Copies the numbers from <paramref name="start"/> on of each row, as many as a row of the result has.</summary>
internal sealed unsafe class PartKernel(int start, Activations input, Activations result) : CpuKernel
{
    public override void Run(int phase, CpuStep step, Worker worker)
    {
        var (first, end) = worker.Share(result.RowsIn(step));
        for (var row = first; row < end; row++)
            new ReadOnlySpan<float>(input.Row(row) + start, result.Width).CopyTo(new Span<float>(result.Row(row), result.Width));
    }
}
