using System.Runtime.InteropServices;
using EmbeddedLlm.Cpu;

namespace EmbeddedLlm.Tests.Cpu.Kernels;

/// <summary>Memory for the values of one kernel, and a team to run it alone.</summary>
internal sealed unsafe class KernelRun : IDisposable
{
    private readonly List<nint> _memory = [];

    public Workspace Workspace { get; } = new();

    /// <summary>Room for <paramref name="rows"/> rows, each number a NaN until it is written.</summary>
    public Activations Allocate(int rows, int width)
    {
        var memory = (float*)NativeMemory.AlignedAlloc((nuint)rows * (nuint)width * sizeof(float), 64);
        new Span<float>(memory, rows * width).Fill(float.NaN);
        _memory.Add((nint)memory);
        return new Activations(memory, width);
    }

    public Activations Fill(float[] values, int width)
    {
        var activations = Allocate(values.Length / width, width);
        values.CopyTo(new Span<float>(activations.Data, values.Length));
        return activations;
    }

    public static float[] Read(Activations activations, int rows) => new Span<float>(activations.Data, rows * activations.Width).ToArray();

    public static void Run(CpuKernel kernel, int rows, int threads)
    {
        using var team = new WorkerTeam([kernel], threads);
        team.Run(new CpuStep { Rows = rows });
    }

    public void Dispose()
    {
        foreach (var memory in _memory)
            NativeMemory.AlignedFree((void*)memory);
        Workspace.Dispose();
    }
}
