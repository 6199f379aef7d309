using System.Runtime.CompilerServices;

namespace EmbeddedLlm.Cpu;

/// <summary>One thread of a <see cref="WorkerTeam"/>, as kernels see it: its number, its share of the work, and memory of its own.</summary>
internal sealed unsafe class Worker(int index, TeamBarrier barrier, byte* scratch, int scratchBytes)
{
    /// <summary>0 … <see cref="Count"/> − 1.</summary>
    public int Index { get; } = index;

    /// <summary>Workers in the team.</summary>
    public int Count { get; } = barrier.Count;

    /// <summary>Memory that only this worker uses, 64-byte aligned; its contents do not outlive a phase.</summary>
    public byte* Scratch { get; } = scratch;

    /// <summary>Bytes of <see cref="Scratch"/>: the most that a kernel of the team's list asks for.</summary>
    public int ScratchBytes { get; } = scratchBytes;

    /// <summary>This worker's contiguous share of <paramref name="total"/> units (rows, panels, heads).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public (int Start, int End) Share(int total) => ((int)((long)total * Index / Count), (int)((long)total * (Index + 1) / Count));

    /// <summary>
    /// The next unit of this phase that no worker has taken yet: 0, 1, 2, … over the whole team. For units of unlike cost, and where a core may be slow:
    /// <c>for (var unit = worker.Next(); unit &lt; total; unit = worker.Next())</c>.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Next() => barrier.Next();
}
