using EmbeddedLlm.Cpu;
using EmbeddedLlm.Cpu.Kernels;
using EmbeddedLlm.Cpu.Tiers;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Tests.Cpu.Kernels;

public sealed class LinearKernelTests
{
    private const int Width = 512;
    private const int MaxRows = 40;

    // Every format at once: parts of different formats share one input.
    private static readonly (Weight Weight, Weight? Bias)[] Weights =
        [.. BlockFormats.All.Select((format, i) => (
            RandomWeights.Quantized(format, 19 + 16 * (i % 13), Width, i),
            i % 2 == 0 ? RandomWeights.Quantized(BlockFormats.Get(GgmlType.F32), 1, 19 + 16 * (i % 13), 100 + i) : null))];

    [Theory, InlineData(1), InlineData(2), InlineData(7), InlineData(MaxRows)]
    public void Run_ManyParts_IsTheProductWithBias(int rows)
    {
        var x = RandomWeights.Floats(rows * Width, 1);
        var outputs = Run(Tier.Best, x, rows, threads: 2);
        for (var part = 0; part < Weights.Length; part++)
        {
            var (weight, bias) = Weights[part];
            var (values, added) = (weight.ToFloats(), bias?.ToFloats());
            // 8-bit activations of up to 8 are off by up to 8 / 254.
            var tolerance = weight.Format.IsFloat ? 1e-4 : 0.15;
            for (var row = 0; row < rows; row++)
            {
                for (var o = 0; o < weight.Rows; o++)
                {
                    double sum = added?[o] ?? 0, size = 0;
                    for (var i = 0; i < Width; i++)
                    {
                        sum += (double)values[o * Width + i] * x[row * Width + i];
                        size += Math.Pow(values[o * Width + i], 2);
                    }

                    Assert.Equal(sum, outputs[part][row * weight.Rows + o], tolerance * Math.Sqrt(size));
                }
            }
        }
    }

    [Fact]
    public void Run_AnyNumberOfThreads_GivesTheSameBits()
    {
        const int Rows = 13;
        var x = RandomWeights.Floats(Rows * Width, 2);
        var expected = Run(Tier.Best, x, Rows, threads: 1);
        foreach (var threads in new[] { 2, 3, 8, 33 })
            Assert.Equal(expected, Run(Tier.Best, x, Rows, threads));
    }

    [Fact]
    public void Run_RowsInOtherBatches_GiveTheSameBits()
    {
        const int Rows = 21;
        foreach (var tier in TestTiers.All)
        {
            var x = RandomWeights.Floats(Rows * Width, 3);
            var all = Run(tier, x, Rows, threads: 2);
            foreach (var (first, count) in new[] { (0, 1), (20, 1), (4, 3), (9, 5), (0, 16), (1, 20) })
            {
                var some = Run(tier, x[(first * Width)..((first + count) * Width)], count, threads: 2);
                for (var part = 0; part < all.Length; part++)
                    Assert.Equal(all[part].AsSpan(first * Weights[part].Weight.Rows, count * Weights[part].Weight.Rows).ToArray(), some[part]);
            }
        }
    }

    [Fact]
    public void Run_NotFiniteInput_SpoilsItsRowOnly()
    {
        const int Rows = 3;
        var x = RandomWeights.Floats(Rows * Width, 4);
        var clean = Run(Tier.Best, x, Rows, threads: 2);
        x[Width + 1] = float.NegativeInfinity;
        x[Width + 400] = float.NaN;
        var spoiled = Run(Tier.Best, x, Rows, threads: 2);
        for (var part = 0; part < clean.Length; part++)
        {
            var width = Weights[part].Weight.Rows;
            Assert.Equal(clean[part][..width], spoiled[part][..width]);
            Assert.All(spoiled[part][width..(2 * width)], value => Assert.False(float.IsFinite(value)));
            Assert.Equal(clean[part][(2 * width)..], spoiled[part][(2 * width)..]);
        }
    }

    [Fact]
    public unsafe void Run_PickedRows_TakesTheirNumber()
    {
        using var run = new KernelRun();
        var input = run.Fill(RandomWeights.Floats(4 * Width, 5), Width);
        var output = run.Allocate(4, Weights[0].Weight.Rows);
        using var kernel = new LinearKernel(Tier.Best, run.Workspace, new Activations(input.Data, Width, picked: true), [new LinearPart(Weights[0].Weight, null, output)], 4);
        using var team = new WorkerTeam([kernel], 2);
        team.Run(new CpuStep { Rows = 4, OutputRowCount = 2 });
        Assert.All(KernelRun.Read(output, 2), value => Assert.True(float.IsFinite(value)));
        Assert.True(float.IsNaN(output.Row(2)[0]));
    }

    private static float[][] Run(Tier tier, float[] x, int rows, int threads)
    {
        using var run = new KernelRun();
        var input = run.Fill(x, Width);
        var outputs = Weights.Select(part => run.Allocate(rows, part.Weight.Rows)).ToArray();
        var parts = Weights.Zip(outputs, (part, output) => new LinearPart(part.Weight, part.Bias, output)).ToArray();
        using var kernel = new LinearKernel(tier, run.Workspace, input, parts, MaxRows);
        KernelRun.Run(kernel, rows, threads);
        return [.. outputs.Select(output => KernelRun.Read(output, rows))];
    }
}
