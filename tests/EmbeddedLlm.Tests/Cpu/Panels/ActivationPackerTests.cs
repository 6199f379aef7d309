using EmbeddedLlm.Cpu;
using EmbeddedLlm.Cpu.Panels;

namespace EmbeddedLlm.Tests.Cpu.Panels;

public sealed unsafe class ActivationPackerTests
{
    [Theory]
    [InlineData(1, 8, 1)]
    [InlineData(2, 8, 2)]
    [InlineData(3, 8, 4)]
    [InlineData(5, 8, 8)]
    [InlineData(9, 8, 8)]
    [InlineData(3, 4, 4)]
    [InlineData(7, 4, 4)]
    public void TileColumns_FirstTile_IsTheLeastThatHoldsTheRows(int rows, int maxColumns, int expected) =>
        Assert.Equal(expected, ActivationPacker.TileColumns(0, rows, maxColumns));

    [Fact]
    public void Pack_Integers_AreNearestToTheirFloats()
    {
        var x = RandomWeights.Floats(96, 1);
        var (quants, scales, sums, halves) = Pack(x);
        for (var i = 0; i < x.Length; i++)
        {
            Assert.InRange(quants[i], -127, 127);
            Assert.True(MathF.Abs(x[i] - quants[i] * scales[i / 32]) <= 0.5001f * scales[i / 32]);
        }

        for (var g = 0; g < scales.Length; g++)
        {
            Assert.Equal(scales[g] * quants.Skip(32 * g).Take(32).Sum(q => q), sums[g]);
            Assert.Equal(scales[g] * quants.Skip(32 * g).Take(16).Sum(q => q), halves[g]);
            Assert.Equal(127, quants.Skip(32 * g).Take(32).Max(q => Math.Abs((int)q)));
        }
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(1e-38f)]
    [InlineData(float.Epsilon)]
    public void Pack_NearlyNothing_IsZero(float value)
    {
        var x = new float[32];
        Array.Fill(x, value);
        var (quants, _, sums, _) = Pack(x);
        Assert.All(quants, q => Assert.Equal(0, q));
        Assert.Equal(0, sums[0]);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void Pack_NotFinite_ShowsInTheScale(float value)
    {
        var x = RandomWeights.Floats(32, 2);
        x[17] = value;
        var (quants, scales, _, _) = Pack(x);
        Assert.All(quants, q => Assert.InRange(q, -127, 127));
        Assert.False(float.IsFinite(scales[0]));
    }

    [Theory]
    [InlineData(1e38f)]
    [InlineData(3e-30f)]
    public void Pack_ExtremeScale_KeepsItsPrecision(float value)
    {
        var x = new float[32];
        x[3] = -value;
        x[4] = value / 2;
        var (quants, scales, _, _) = Pack(x);
        Assert.Equal(-127, quants[3]);
        Assert.InRange(quants[4], 63, 64);
        Assert.Equal(value / 127, scales[0], value * 1e-7f);
    }

    [Fact]
    public void Pack_Integers_HasTheSumsOfBothHalvesAsIntegers()
    {
        var x = RandomWeights.Floats(96, 4);
        var (quants, _, _, _) = Pack(x);
        var starts = Starts(x);
        for (var group = 0; group < 3; group++)
        {
            var (first, second) = (quants[(32 * group)..(32 * group + 16)].Sum(q => q), quants[(32 * group + 16)..(32 * group + 32)].Sum(q => q));
            Assert.Equal([-128 * (first + second), -32 * first, -32 * second], starts[group]);
        }
    }

    private static int[][] Starts(float[] x) => [.. Groups(x).Select(group => new[] { 44, 48, 52 }.Select(at => BitConverter.ToInt32(group.Span[at..])).ToArray())];

    private static (sbyte[] Quants, float[] Scales, float[] Sums, float[] Halves) Pack(float[] x)
    {
        var bytes = Groups(x);
        return (
            [.. bytes.SelectMany(group => group.Span[..32].ToArray()).Select(b => (sbyte)b)],
            [.. bytes.Select(group => BitConverter.ToSingle(group.Span[32..]))],
            [.. bytes.Select(group => BitConverter.ToSingle(group.Span[36..]))],
            [.. bytes.Select(group => BitConverter.ToSingle(group.Span[40..]))]);
    }

    private static Memory<byte>[] Groups(float[] x)
    {
        var packed = new byte[ActivationPacker.Bytes(1, x.Length, isFloat: false)];
        fixed (float* source = x)
        fixed (byte* target = packed)
            ActivationPacker.Pack(new Activations(source, x.Length), 1, null, target, isFloat: false, 8, 0, ActivationPacker.Units(1, x.Length, 8));
        return [.. Enumerable.Range(0, x.Length / 32).Select(g => packed.AsMemory(g * ActivationPacker.IntegerGroupBytes, ActivationPacker.IntegerGroupBytes))];
    }
}
