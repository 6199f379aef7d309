using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace EmbeddedLlm.Cpu;

/// <summary>
/// Threads that walk a list of kernels together: one parallel region per step, with a barrier between phases. The calling thread is worker 0.
/// Between steps the others sleep.
/// </summary>
internal sealed unsafe class WorkerTeam : IDisposable
{
    private readonly CpuKernel[] _kernels;
    private readonly TeamBarrier _barrier;
    private readonly Worker[] _workers;
    private readonly Thread[] _threads;
    private byte* _scratch;
    private CpuStep? _step;
    private Exception? _failure;
    private bool _stopped;

    /// <summary>Starts the threads.</summary>
    /// <param name="kernels">What a step walks through. They stay the caller's to dispose, after the team.</param>
    /// <param name="threads">Workers, the caller included; 0 for one per physical core, see <see cref="ProcessorCores"/>.</param>
    /// <param name="start">Starts a thread; for tests, which watch threads or let one fail.</param>
    public WorkerTeam(CpuKernel[] kernels, int threads, Action<Thread>? start = null)
    {
        threads = ProcessorCores.OrAll(threads);

        _kernels = kernels;
        _barrier = new TeamBarrier(threads);
        var scratchBytes = kernels.Max(kernel => (int?)kernel.ScratchBytes) ?? 0;
        var stride = (scratchBytes + (nint)127) / 128 * 128;
        _scratch = (byte*)NativeMemory.AlignedAlloc(checked((nuint)stride * (nuint)threads + 128), 128);
        _workers = [.. Enumerable.Range(0, threads).Select(index => new Worker(index, _barrier, _scratch + stride * index, scratchBytes))];
        _threads = [.. _workers.Skip(1).Select(worker => new Thread(() => Serve(worker)) { IsBackground = true, Name = $"EmbeddedLlm worker {worker.Index}" })];
        var started = 0;
        try
        {
            for (; started < _threads.Length; started++)
            {
                if (start is null)
                    _threads[started].Start();
                else
                    start(_threads[started]);
            }
        }
        catch
        {
            _stopped = true;
            _barrier.WaitInPlaceOf(threads - started);
            Free(started);
            throw;
        }
    }

    /// <summary>How many workers there are, the calling thread included.</summary>
    public int Count => _workers.Length;

    /// <summary>Runs all kernels on <paramref name="step"/>. One caller at a time. The first failure of a kernel ends the step and is thrown here; the team stays usable.</summary>
    public void Run(CpuStep step)
    {
        ObjectDisposedException.ThrowIf(_stopped, this);
        _step = step;
        _barrier.Wait();
        Walk(_workers[0], step);
        if (_failure is { } failure)
        {
            _failure = null;
            ExceptionDispatchInfo.Throw(failure);
        }
    }

    /// <summary>Ends the threads and frees their scratch memory.</summary>
    public void Dispose()
    {
        if (_stopped)
            return;
        _stopped = true;
        _barrier.Wait();
        Free(_threads.Length);
    }

    private void Free(int started)
    {
        foreach (var thread in _threads.AsSpan(0, started))
            thread.Join();
        NativeMemory.AlignedFree(_scratch);
        _scratch = null;
    }

    private void Serve(Worker worker)
    {
        while (true)
        {
            _barrier.Wait();
            if (_stopped)
                return;
            Walk(worker, _step!);
        }
    }

    // A worker that fails still comes to the barrier, so that all leave the walk at the same place.
    private void Walk(Worker worker, CpuStep step)
    {
        foreach (var kernel in _kernels)
        {
            for (var phase = 0; phase < kernel.Phases; phase++)
            {
                var ok = true;
                try
                {
                    kernel.Run(phase, step, worker);
                }
                catch (Exception exception)
                {
                    Interlocked.CompareExchange(ref _failure, exception, null);
                    ok = false;
                }

                if (!_barrier.Wait(ok))
                    return;
            }
        }
    }
}
