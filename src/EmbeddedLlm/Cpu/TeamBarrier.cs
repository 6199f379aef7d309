using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace EmbeddedLlm.Cpu;

/// <summary>
/// Where the workers of a team wait for each other. A waiter spins for some microseconds, then sleeps, so that a team is quick on idle cores and does no
/// harm on busy ones. It never yields: on a core that others want, each yield may give a whole time slice away.
/// </summary>
/// <remarks>
/// The generation grows when the last worker has come; the others watch it. Who goes to sleep counts itself in <c>Sleepers</c> before it looks at the
/// generation once more; the last worker looks at <c>Sleepers</c> after it has raised the generation. So one of the two always sees the other.
/// </remarks>
internal sealed class TeamBarrier(int count)
{
    // Spins of about 40 ns each. Who spun in vain spins less next time, as the worker that it waits for may want this very core.
    private const int MostSpins = 2000;
    private const int LeastSpins = 16;

    private readonly object _bed = new();
    private readonly bool _maySpin = count <= Environment.ProcessorCount;
    private Counters _counters = new() { Spins = MostSpins };

    /// <summary>How many workers wait for each other.</summary>
    public int Count { get; } = count;

    /// <summary>0, 1, 2, … over all workers together; starts anew at each <see cref="Wait"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Next() => Interlocked.Increment(ref _counters.Taken) - 1;

    /// <summary>Waits until all workers have come here. Returns whether all of them came with <paramref name="ok"/>; every worker gets the same answer.</summary>
    public bool Wait(bool ok = true)
    {
        var generation = Volatile.Read(ref _counters.Generation);
        if (!ok)
            Volatile.Write(ref _counters.Failures, 1);

        if (Interlocked.Increment(ref _counters.Arrived) < Count)
        {
            WaitFor(generation);
        }
        else
        {
            // The last to come: nobody else touches the counters until the generation grows.
            _counters.AllOk = _counters.Failures == 0;
            _counters.Failures = 0;
            _counters.Arrived = 0;
            _counters.Taken = 0;
            Interlocked.Increment(ref _counters.Generation);
            if (Volatile.Read(ref _counters.Sleepers) > 0)
                Wake();
        }

        return _counters.AllOk;
    }

    /// <summary>Waits for the workers that will come, in place of <paramref name="absent"/> ones that never will.</summary>
    public void WaitInPlaceOf(int absent)
    {
        Interlocked.Add(ref _counters.Arrived, absent - 1);
        Wait();
    }

    private void WaitFor(int generation)
    {
        // All workers use one number of spins. Two that change it at once may lose a change, which does no harm.
        var spins = _maySpin ? _counters.Spins : 0;
        for (var i = 0; i < spins; i++)
        {
            if (Volatile.Read(ref _counters.Generation) != generation)
            {
                if (spins < MostSpins)
                    _counters.Spins = Math.Min(2 * spins, MostSpins);
                return;
            }

            Thread.SpinWait(1);
        }

        if (spins > LeastSpins)
            _counters.Spins = Math.Max(spins / 4, LeastSpins);
        lock (_bed)
        {
            Interlocked.Increment(ref _counters.Sleepers);
            while (Volatile.Read(ref _counters.Generation) == generation)
                Monitor.Wait(_bed);
            Interlocked.Decrement(ref _counters.Sleepers);
        }
    }

    private void Wake()
    {
        lock (_bed)
            Monitor.PulseAll(_bed);
    }

    // What waiters watch, what arrivals change and what kernels count stand on cache lines of their own.
    [StructLayout(LayoutKind.Explicit, Size = 512)]
    private struct Counters
    {
        [FieldOffset(128)] public int Generation;
        [FieldOffset(132)] public bool AllOk;
        [FieldOffset(136)] public int Sleepers;
        [FieldOffset(140)] public int Spins;
        [FieldOffset(256)] public int Arrived;
        [FieldOffset(260)] public int Failures;
        [FieldOffset(384)] public int Taken;
    }
}
