namespace EmbeddedLlm.Cpu;

/// <summary>
/// One op made ready: pointers bound, weights packed. All workers call every phase of every kernel, in order, with a barrier between phases;
/// each does its own share of the rows, so that a result never depends on the number of threads.
/// </summary>
internal abstract class CpuKernel : IDisposable
{
    /// <summary>Phases with a barrier after each.</summary>
    public virtual int Phases => 1;

    /// <summary>Bytes of <see cref="Worker.Scratch"/> that <see cref="Run"/> uses; fixed once the kernel is made.</summary>
    public virtual int ScratchBytes => 0;

    /// <summary>Does this worker's share of one phase. Must not allocate, throw or log.</summary>
    public abstract void Run(int phase, CpuStep step, Worker worker);

    /// <summary>Frees packed weights. Safe to call twice.</summary>
    public virtual void Dispose()
    {
    }
}
