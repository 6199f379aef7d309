using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using EmbeddedLlm.Cpu.Lanes;

namespace EmbeddedLlm.Cpu;

/// <summary>How fast this machine reads memory: the bound of decoding, which reads every weight once per token.</summary>
[Experimental("ELLM001")]
public static class MemoryBandwidth
{
    /// <summary>Reads a buffer larger than any cache, again and again, the way a decode step reads weights. Takes about half a second.</summary>
    /// <param name="threads">Threads that read at the same time; 0 for one per physical core.</param>
    /// <param name="bytes">Size of the buffer; at least 256 MiB, so that caches do not count.</param>
    /// <returns>Bytes per second of the fastest pass over the buffer.</returns>
    public static double Measure(int threads = 0, long bytes = 512L << 20)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes, 256L << 20);

        using var memory = new AlignedMemory(bytes);
        var reader = new Reader(memory);
        using var team = new WorkerTeam([reader], threads);
        var step = new CpuStep();
        team.Run(step);
        reader.Writes = false;

        var best = double.MaxValue;
        var watch = Stopwatch.StartNew();
        for (var pass = 0; pass < 5 || watch.ElapsedMilliseconds < 500; pass++)
        {
            var start = Stopwatch.GetTimestamp();
            team.Run(step);
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return bytes / best;
    }

    private sealed unsafe class Reader(AlignedMemory memory) : CpuKernel
    {
        // What a worker takes at a time, of a size like that of a few rows of weights.
        private const int Part = 64 << 10;

        /// <summary>Whether to fill the memory (so that it is really there) or to read it.</summary>
        public bool Writes { get; set; } = true;

        /// <summary>Keeps the reads from being left out.</summary>
        public float Result { get; private set; }

        public override void Run(int phase, CpuStep step, Worker worker)
        {
            var parts = (int)(memory.Bytes / Part);
            var sum = 0f;
            for (var part = worker.Next(); part < parts; part = worker.Next())
            {
                var start = memory.Start + (long)part * Part;
                if (Writes)
                    new Span<byte>(start, Part).Clear();
                else
                    sum += Sum((float*)start);
            }

            Result = sum;
        }

        private static float Sum(float* start)
        {
            var (a, b, c, d) = (Lanes16.Fill(0), Lanes16.Fill(0), Lanes16.Fill(0), Lanes16.Fill(0));
            for (var p = start; p < start + Part / sizeof(float); p += 4 * Lanes16.Count)
            {
                a += Lanes16.Load(p);
                b += Lanes16.Load(p + Lanes16.Count);
                c += Lanes16.Load(p + 2 * Lanes16.Count);
                d += Lanes16.Load(p + 3 * Lanes16.Count);
            }

            return Lanes16.Sum(a + b + (c + d));
        }
    }
}
