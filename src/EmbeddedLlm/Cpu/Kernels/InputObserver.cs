namespace EmbeddedLlm.Cpu.Kernels;

/// <summary>Stands behind a <see cref="LinearKernel"/> and adds up what entered it.</summary>
/// <param name="kernel">The kernel before it.</param>
/// <param name="sums">Where to.</param>
internal sealed unsafe class InputObserver(LinearKernel kernel, SquareSums sums) : CpuKernel
{
    public override void Run(int phase, CpuStep step, Worker worker) => sums.Add(0, kernel.Input, null, kernel.Input.RowsIn(step), worker);
}
