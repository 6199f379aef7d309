using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
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
    /// <param name="threads">Threads that multiply at the same time; 0 for one per physical core.</param>
    /// <exception cref="NotSupportedException">The CPU backend cannot multiply weights of this format.</exception>
    public static double Measure(BlockFormat format, int threads = 0) => Measure(Tier.Best, format, threads);

    /// <summary>The same with the products of <paramref name="tier"/>.</summary>
    internal static double Measure(Tier tier, BlockFormat format, int threads)
    {
        ArgumentNullException.ThrowIfNull(format);
        return 1e9 * Measure(tier, format, tier.MaxColumns, ProcessorCores.OrAll(threads), TimeSpan.FromSeconds(0.5));
    }

    /// <summary>Billions of multiply-adds a second, of all threads together, for weights of <paramref name="format"/> that stay in the cache.</summary>
    /// <param name="tier">The instruction set.</param>
    /// <param name="format">The format of the weights.</param>
    /// <param name="columns">Activation rows at a time.</param>
    /// <param name="threads">Threads, each with panels of its own.</param>
    /// <param name="duration">How long to measure.</param>
    internal static double Measure(Tier tier, BlockFormat format, int columns, int threads, TimeSpan duration)
    {
        using var products = new Products(tier, format, columns, threads, duration);
        using var team = new WorkerTeam([products], threads);
        team.Run(new CpuStep());
        return products.Speeds.Sum();
    }

    /// <summary>Each worker multiplies panels of its own, again and again.</summary>
    private sealed class Products : CpuKernel
    {
        private readonly int _columns;
        private readonly TimeSpan _duration;
        private readonly PanelMatrix?[] _panels;
        private readonly AlignedMemory?[] _memory;      // packed columns, then [columns × rows] results
        private readonly long _outputAt;

        public Products(Tier tier, BlockFormat format, int columns, int threads, TimeSpan duration)
        {
            var rows = 4 * tier.RowsOf(PanelShape.Of(format));
            // Not zeros, which as powers of two are the scales that are slowest to multiply with.
            var blocks = new byte[format.RowBytes(Width) * rows];
            Array.Fill(blocks, (byte)0x3C);
            var weight = new Weight("peak", format, Width, rows, WeightStorage.From(blocks), 0);
            _columns = columns;
            _duration = duration;
            _panels = new PanelMatrix[threads];
            _memory = new AlignedMemory[threads];
            Speeds = new double[threads];
            try
            {
                for (var i = 0; i < threads; i++)
                {
                    var panels = _panels[i] = new PanelMatrix(tier, weight);
                    _outputAt = ActivationPacker.Bytes(columns, Width, panels.Shape.IsFloat);
                    var memory = _memory[i] = new AlignedMemory(_outputAt + (long)columns * rows * sizeof(float));
                    new Span<byte>(memory.Start, checked((int)memory.Bytes)).Clear();
                }
            }
            catch
            {
                Dispose();
                throw;
            }
        }

        /// <summary>Billions of multiply-adds a second of each worker.</summary>
        public double[] Speeds { get; }

        public override int ScratchBytes => _panels.Max(panels => panels!.ScratchBytes);

        public override void Run(int phase, CpuStep step, Worker worker)
        {
            var panels = _panels[worker.Index]!;
            var memory = _memory[worker.Index]!.Start;
            Multiply(panels, memory, worker, 1);

            var watch = Stopwatch.StartNew();
            var best = TimeSpan.MaxValue;
            while (watch.Elapsed < _duration)
            {
                var begin = watch.Elapsed;
                Multiply(panels, memory, worker, Repeats);
                var time = watch.Elapsed - begin;
                best = time < best ? time : best;
            }

            Speeds[worker.Index] = (double)Repeats * _columns * panels.Rows * Width / best.TotalSeconds / 1e9;
        }

        public override void Dispose()
        {
            foreach (var panels in _panels)
                panels?.Dispose();
            foreach (var memory in _memory)
                memory?.Dispose();
            base.Dispose();
        }

        private void Multiply(PanelMatrix panels, byte* memory, Worker worker, int repeats)
        {
            for (var i = 0; i < repeats; i++)
                panels.Multiply(memory, _columns, 0, 0, panels.Panels, null, (float*)(memory + _outputAt), worker.Scratch);
        }
    }
}
