using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using EmbeddedLlm.Cpu.Panels;
using EmbeddedLlm.Cpu.Tiers;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Cpu;

/// <summary>How fast this processor multiplies when nothing has to come from memory: what the speed of prefill is held against.</summary>
[Experimental("ELLM001")]
public static unsafe class MultiplyPeak
{
    private const int Width = 2048;

    /// <summary>Products between two looks at the clock. The quickest run counts, as others may use the processor too.</summary>
    private const int Repeats = 16;

    /// <summary>Multiply-adds per second, of all threads together, for weights of <paramref name="format"/> that stay in the cache. Takes about half a second.</summary>
    /// <param name="format">The format of the weights.</param>
    /// <param name="threads">Threads that multiply at the same time; 0 for one per processor core.</param>
    public static double Measure(BlockFormat format, int threads = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        var tier = Tier.Best;
        return 1e9 * Measure(tier, format, tier.MaxColumns, threads == 0 ? Environment.ProcessorCount : threads, TimeSpan.FromSeconds(0.5));
    }

    /// <summary>Billions of multiply-adds a second, of all threads together, for weights of <paramref name="format"/> that stay in the cache.</summary>
    /// <param name="tier">The instruction set.</param>
    /// <param name="format">The format of the weights.</param>
    /// <param name="columns">Activation rows at a time.</param>
    /// <param name="threads">Threads, each with panels of its own.</param>
    /// <param name="duration">How long to measure.</param>
    internal static double Measure(Tier tier, BlockFormat format, int columns, int threads, TimeSpan duration)
    {
        var rows = 4 * tier.Rows;
        var weight = new Weight("peak", format, Width, rows, WeightStorage.From(new byte[format.RowBytes(Width) * rows]), 0);
        var speeds = new double[threads];
        using var start = new Barrier(threads);
        var team = Enumerable.Range(0, threads).Select(index => new Thread(() => speeds[index] = Measure(tier, weight, columns, start, duration))).ToArray();
        foreach (var thread in team)
            thread.Start();
        foreach (var thread in team)
            thread.Join();
        return speeds.Sum();
    }

    private static double Measure(Tier tier, Weight weight, int columns, Barrier start, TimeSpan duration)
    {
        using var panels = new PanelMatrix(tier, weight);
        var output = (float*)NativeMemory.AllocZeroed((nuint)(columns * weight.Rows), sizeof(float));
        var packed = (byte*)NativeMemory.AlignedAlloc((nuint)ActivationPacker.Bytes(columns, Width, panels.Shape.IsFloat), 64);
        NativeMemory.Clear(packed, (nuint)ActivationPacker.Bytes(columns, Width, panels.Shape.IsFloat));
        var sums = stackalloc byte[PanelMatrix.ScratchBytes];
        panels.Multiply(packed, columns, 0, 0, panels.Panels, null, output, (float*)sums);

        start.SignalAndWait();
        var watch = Stopwatch.StartNew();
        var best = TimeSpan.MaxValue;
        while (watch.Elapsed < duration)
        {
            var begin = watch.Elapsed;
            for (var i = 0; i < Repeats; i++)
                panels.Multiply(packed, columns, 0, 0, panels.Panels, null, output, (float*)sums);
            var time = watch.Elapsed - begin;
            best = time < best ? time : best;
        }

        NativeMemory.AlignedFree(packed);
        NativeMemory.Free(output);
        return (double)Repeats * columns * weight.Rows * Width / best.TotalSeconds / 1e9;
    }
}
