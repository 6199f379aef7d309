using EmbeddedLlm.Cpu.Kernels;
using EmbeddedLlm.Cpu.Lanes;
using EmbeddedLlm.Cpu.Tiers;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Tests.Cpu.Kernels;

public sealed class ExpertsKernelTests
{
    private const int Width = 64;
    private const int Hidden = 96;
    private const int Experts = 7;
    private const int MaxRows = 24;

    [Theory]
    [InlineData(GgmlType.F32, 1, true, 1)]
    [InlineData(GgmlType.F32, 3, true, 6)]
    [InlineData(GgmlType.F32, 3, false, MaxRows)]
    [InlineData(GgmlType.F32, Experts, true, 5)]
    [InlineData(GgmlType.Q8_0, 2, true, 9)]
    public void Run_AnyRouting_IsTheWeightedSumOfTheChosen(GgmlType type, int used, bool normalize, int rows)
    {
        var op = Make(type, used, normalize);
        var x = RandomWeights.Floats(rows * Width, 9);
        var actual = Run(Tier.Best, op, x, rows, threads: 2);
        var tolerance = type == GgmlType.F32 ? 1e-4 : 0.05;
        for (var row = 0; row < rows; row++)
        {
            var expected = Expected(op, x.AsSpan(row * Width, Width));
            var size = expected.Max(Math.Abs);
            for (var o = 0; o < Width; o++)
                Assert.Equal(expected[o], actual[row * Width + o], tolerance * size);
        }
    }

    [Theory, InlineData(GgmlType.F32), InlineData(GgmlType.Q4_0)]
    public void Run_OtherBatchesAndThreads_GiveTheSameBits(GgmlType type)
    {
        const int Rows = 17;
        var op = Make(type, used: 3, normalize: true);
        var x = RandomWeights.Floats(Rows * Width, 10);
        foreach (var tier in TestTiers.All)
        {
            var all = Run(tier, op, x, Rows, threads: 1);
            Assert.Equal(all, Run(tier, op, x, Rows, threads: 5));
            foreach (var (first, count) in new[] { (0, 1), (16, 1), (3, 2), (5, 11) })
                Assert.Equal(all[(first * Width)..((first + count) * Width)], Run(tier, op, x[(first * Width)..((first + count) * Width)], count, threads: 2));
        }
    }

    [Fact]
    public void Run_EqualProbabilities_TakesTheFirstExperts()
    {
        var op = Make(GgmlType.F32, used: 2, normalize: true);
        op = op with { Router = RandomWeights.Of(BlockFormats.Get(GgmlType.F32), Experts, Width, new float[Experts * Width]) };
        var x = RandomWeights.Floats(Width, 11);
        var expected = Expected(op, x);
        var actual = Run(Tier.Best, op, x, 1, threads: 1);
        for (var o = 0; o < Width; o++)
            Assert.Equal(expected[o], actual[o], 1e-4 * expected.Max(Math.Abs));
    }

    [Fact]
    public void Run_NotFiniteRow_SpoilsItselfOnly()
    {
        const int Rows = 3;
        var op = Make(GgmlType.Q8_0, used: 2, normalize: true);
        var x = RandomWeights.Floats(Rows * Width, 12);
        var clean = Run(Tier.Best, op, x, Rows, threads: 2);
        x[Width] = float.NaN;
        var spoiled = Run(Tier.Best, op, x, Rows, threads: 2);
        Assert.Equal(clean[..Width], spoiled[..Width]);
        Assert.All(spoiled[Width..(2 * Width)], value => Assert.False(float.IsFinite(value)));
        Assert.Equal(clean[(2 * Width)..], spoiled[(2 * Width)..]);
    }

    private static Op.Experts Make(GgmlType type, int used, bool normalize)
    {
        var format = BlockFormats.Get(type);
        return new Op.Experts(
            new Value(0, Width),
            RandomWeights.Quantized(BlockFormats.Get(GgmlType.F32), Experts, Width, 1),
            RandomWeights.Quantized(format, Hidden, Width, 2, Experts),
            RandomWeights.Quantized(format, Hidden, Width, 3, Experts),
            RandomWeights.Quantized(format, Width, Hidden, 4, Experts),
            new ExpertsSpec(used, Activation.Silu, normalize, WeightScale: normalize ? 1 : 2.5f),
            new Value(1, Width));
    }

    private static double[] Expected(Op.Experts op, ReadOnlySpan<float> x)
    {
        var input = Array.ConvertAll(x.ToArray(), value => (double)value);
        var logits = Multiply(op.Router, 0, input);
        var exps = Array.ConvertAll(logits, logit => Math.Exp(logit - logits.Max()));
        var probabilities = Array.ConvertAll(exps, e => e / exps.Sum());
        var chosen = Enumerable.Range(0, Experts).OrderByDescending(e => probabilities[e]).ThenBy(e => e).Take(op.Spec.Used).ToArray();
        var factor = op.Spec.WeightScale / (op.Spec.NormalizeWeights ? chosen.Sum(e => probabilities[e]) : 1);
        var sums = new double[Width];
        foreach (var e in chosen)
        {
            var up = Multiply(op.UpProjection, e, input);
            var hidden = Multiply(op.GateProjection, e, input).Zip(up, (gate, u) => gate / (1 + Math.Exp(-gate)) * u).ToArray();
            var down = Multiply(op.DownProjection, e, hidden);
            for (var o = 0; o < Width; o++)
                sums[o] += probabilities[e] * factor * down[o];
        }

        return sums;
    }

    private static double[] Multiply(Weight weight, int expert, double[] x)
    {
        var values = weight.ToFloats();
        return [.. Enumerable.Range(expert * weight.Rows, weight.Rows).Select(row => x.Select((value, i) => value * values[row * x.Length + i]).Sum())];
    }

    private static float[] Run(Tier tier, Op.Experts op, float[] x, int rows, int threads)
    {
        using var run = new KernelRun();
        var input = run.Fill(x, Width);
        var output = run.Allocate(rows, Width);
        using var kernel = new ExpertsKernel<Lanes4, Silu>(tier, run.Workspace, op, input, output, MaxRows);
        KernelRun.Run(kernel, rows, threads);
        return KernelRun.Read(output, rows);
    }
}
