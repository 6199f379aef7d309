using BenchmarkDotNet.Attributes;
using EmbeddedLlm.Cpu;
using EmbeddedLlm.Cpu.Kernels;
using EmbeddedLlm.Cpu.Tiers;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Benchmarks;

/// <summary>One matrix of 2048 × 2048 times some rows, on one thread, for every format on every instruction set of this machine: packing of the input included.</summary>
public unsafe class LinearBenchmarks : IDisposable
{
    private const int Width = 2048;

    private readonly CpuStep _step = new();
    private readonly Workspace _workspace = new();
    private AlignedMemory _memory = null!;      // input, then output
    private LinearKernel _kernel = null!;
    private WorkerTeam _team = null!;

    /// <summary>The formats of the table.</summary>
    public static IEnumerable<BlockFormat> Formats => BlockFormats.All;

    /// <summary>The instruction sets of this machine.</summary>
    public static IEnumerable<string> Tiers => Tier.Supported.Select(tier => tier.Name);

    /// <summary>The format of the weights.</summary>
    [ParamsSource(nameof(Formats))]
    public BlockFormat Format { get; set; } = BlockFormats.All[0];

    /// <summary>The instruction set.</summary>
    [ParamsSource(nameof(Tiers))]
    public string InstructionSet { get; set; } = "";

    /// <summary>Rows of the input: 1 as in decoding, 8 as in a batch of it, 512 as in prefill.</summary>
    [Params(1, 8, 512)]
    public int Rows { get; set; }

    /// <summary>Packs random weights.</summary>
    [GlobalSetup]
    public void Load()
    {
        var random = new Random(1);
        var row = new float[Width];
        var weights = new byte[Width * Format.RowBytes(Width)];
        for (var i = 0; i < Width; i++)
        {
            for (var j = 0; j < Width; j++)
                row[j] = (float)((random.NextDouble() * 2) - 1);
            Format.Quantize(row, weights.AsSpan(i * (int)Format.RowBytes(Width), (int)Format.RowBytes(Width)));
        }

        _memory = new AlignedMemory(2L * Rows * Width * sizeof(float));
        var input = new Activations((float*)_memory.Start, Width);
        var output = new Activations(input.Row(Rows), Width);
        for (var i = 0; i < Rows * Width; i++)
            input.Data[i] = (float)random.NextDouble();
        var weight = new Weight("weight", Format, Width, Width, WeightStorage.From(weights), 0);
        _kernel = new LinearKernel(Tier.Supported.Single(tier => tier.Name == InstructionSet), _workspace, input, [new LinearPart(weight, null, output)], Rows);
        _team = new WorkerTeam([_kernel], 1);
        _step.Rows = Rows;
    }

    /// <summary>The product.</summary>
    [Benchmark]
    public void Multiply() => _team.Run(_step);

    /// <inheritdoc/>
    [GlobalCleanup]
    public void Dispose()
    {
        _team?.Dispose();
        _kernel?.Dispose();
        _workspace.Dispose();
        _memory?.Dispose();
        GC.SuppressFinalize(this);
    }
}
