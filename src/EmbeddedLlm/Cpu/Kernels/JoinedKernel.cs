using System.Diagnostics;

namespace EmbeddedLlm.Cpu.Kernels;

/// <summary>Kernels of one phase that do not need each other's results, run without a barrier between them.</summary>
internal sealed class JoinedKernel(CpuKernel[] kernels) : CpuKernel
{
    public override int ScratchBytes => kernels.Max(kernel => kernel.ScratchBytes);

    public override void Run(int phase, CpuStep step, Worker worker)
    {
        Debug.Assert(kernels.All(kernel => kernel.Phases == 1));
        foreach (var kernel in kernels)
            kernel.Run(0, step, worker);
    }

    public override void Dispose()
    {
        base.Dispose();
        foreach (var kernel in kernels)
            kernel.Dispose();
    }
}
