using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace EmbeddedLlm.Cpu;

/// <summary>
/// Where the workers of a team wait for each other. A waiter spins for some microseconds, then offers its processor to others, then sleeps,
/// so that a team is quick on idle cores and does no harm on busy ones.
/// </summary>
/// <remarks>
/// The generation grows when the last worker has come; the others watch it. Who goes to sleep counts itself in <c>Sleepers</c> before it looks at the
/// generation once more; the last worker looks at <c>Sleepers</c> after it has raised the generation. So one of the two always sees the other.
/// <para>
/// How long a yield takes tells who wants this core. It is over at once: nobody, and spinning is right. Some microseconds: often the very worker that is waited
/// for, and spinning only keeps it from its work. A time slice: a stranger, to whom a sleeper loses less, as it gets the core back when it is woken.
/// </para>
/// </remarks>
internal sealed class TeamBarrier(int count)
{
    private const int MostSpins = 1000;         // of about 40 ns each
    private const int LeastSpins = 8;
    private const int MostYields = 100;
    private const int YieldsWhenShared = 4;
    private const int WaitsWithoutYields = 64;  // after one that took a time slice

    private static readonly long SharedTicks = Stopwatch.Frequency * 3 / 1_000_000;
    private static readonly long SliceTicks = Stopwatch.Frequency / 2000;

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
        if (!Spin(generation) && !Yield(generation))
            Sleep(generation);
    }

    // Whether the others came meanwhile. The workers share what they learn about the cores; that two of them may overwrite each other does no harm.
    private bool Spin(int generation)
    {
        var spins = _maySpin ? _counters.Spins : 0;
        for (var i = 0; i < spins; i++)
        {
            if (Volatile.Read(ref _counters.Generation) != generation)
            {
                if (spins < MostSpins)
                    _counters.Spins = Math.Min(2 * spins, MostSpins);
                return true;
            }

            Thread.SpinWait(1);
        }

        return false;
    }

    private bool Yield(int generation)
    {
        if (_counters.WithoutYields > 0)
        {
            _counters.WithoutYields--;
            return Volatile.Read(ref _counters.Generation) != generation;
        }

        var yields = MostYields;
        for (var i = 0; i < yields; i++)
        {
            if (Volatile.Read(ref _counters.Generation) != generation)
                return true;

            var start = Stopwatch.GetTimestamp();
            Thread.Yield();
            var ticks = Stopwatch.GetTimestamp() - start;
            if (ticks < SharedTicks)
                continue;

            _counters.Spins = Math.Max(_counters.Spins / 4, LeastSpins);
            yields = Math.Min(yields, i + YieldsWhenShared);
            if (ticks < SliceTicks)
                continue;

            _counters.WithoutYields = WaitsWithoutYields;
            break;
        }

        return Volatile.Read(ref _counters.Generation) != generation;
    }

    private void Sleep(int generation)
    {
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
        [FieldOffset(144)] public int WithoutYields;
        [FieldOffset(256)] public int Arrived;
        [FieldOffset(260)] public int Failures;
        [FieldOffset(384)] public int Taken;
    }
}
