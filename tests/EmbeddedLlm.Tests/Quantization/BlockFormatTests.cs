using System.Runtime.InteropServices;
using CsCheck;
using EmbeddedLlm.Quantization;
using EmbeddedLlm.Tests.Models;

namespace EmbeddedLlm.Tests.Quantization;

/// <summary>Holds every format of <see cref="BlockFormats.All"/>: what is added there is tested here.</summary>
public sealed class BlockFormatTests
{
    private static readonly Gen<float[]> Values = Gen.Select(Gen.Float[-1, 1].Array[512], Gen.Int[-8, 8], Gen.Int[0, 3], (values, exponent, shape) =>
    {
        var scale = MathF.Pow(2, exponent);
        return Array.ConvertAll(values, v => shape switch
        {
            0 => v * scale,
            1 => v * v * v * scale,
            2 => MathF.Abs(v) * scale,
            _ => (v + 2) * scale,
        });
    });

    /// <summary>Formats that llama.cpp rounds by a plain rule, so that our blocks can equal its blocks; the others search.</summary>
    private static readonly GgmlType[] Exact = [GgmlType.F32, GgmlType.F16, GgmlType.BF16, GgmlType.Q4_0, GgmlType.Q4_1, GgmlType.Q5_0, GgmlType.Q5_1, GgmlType.Q8_0, GgmlType.TQ1_0, GgmlType.TQ2_0];

    public static TheoryData<string> Formats() => [.. BlockFormats.All.Select(f => f.Name)];

    [Fact]
    public void All_Types_AreUnique() => Assert.Equal(BlockFormats.All.Length, BlockFormats.All.Select(f => f.Type).Distinct().Count());

    [Theory]
    [MemberData(nameof(Formats))]
    public void Dequantize_GoldenBlocks_IsBitEqual(string name)
    {
        var format = Find(name);
        foreach (var (blocks, values) in new[] { ("q.bin", "deq.f32"), ("rand.bin", "rand_deq.f32") })
        {
            var expected = Golden.Floats(GoldenFile(name, values));
            var actual = new float[expected.Length];
            format.Dequantize(File.ReadAllBytes(GoldenFile(name, blocks)), actual);
            AssertBitEqual(expected, actual);
        }
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Quantize_GoldenValues_IsBitEqualOrCloser(string name)
    {
        var format = Find(name);
        var source = Golden.Floats(Golden.Path("formats", "src.f32"));
        var expected = File.ReadAllBytes(GoldenFile(name, "q.bin"));
        var actual = new byte[expected.Length];
        format.Quantize(source, actual);

        if (Exact.Contains(format.Type))
        {
            Assert.True(expected.AsSpan().SequenceEqual(actual), $"first difference at byte {expected.AsSpan().CommonPrefixLength(actual)}");
            return;
        }

        // Row by row, each row being another kind of numbers.
        var expectedValues = Golden.Floats(GoldenFile(name, "deq.f32"));
        var actualValues = new float[source.Length];
        format.Dequantize(actual, actualValues);
        const int row = 1024;
        for (var i = 0; i < source.Length; i += row)
        {
            var theirs = RootMeanSquareError(source.AsSpan(i, row), expectedValues.AsSpan(i, row));
            var ours = RootMeanSquareError(source.AsSpan(i, row), actualValues.AsSpan(i, row));
            TestContext.Current.TestOutputHelper!.WriteLine($"row {i / row}: ours {ours:G6}, llama.cpp {theirs:G6}, ratio {ours / theirs:F4}");
            Assert.True(ours <= theirs, $"row {i / row}: {ours} > {theirs}");
        }
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Quantize_Dequantized_ChangesLittle(string name)
    {
        // A step of a group's grid is at most its range / (levels − 1); 16 groups share a factor, whose rounding costs a little more.
        // Formats that name several numbers together have fewer bits than one number alone would need.
        var format = Find(name);
        Values.Sample(values =>
        {
            var actual = RoundTrip(format, values);
            for (var block = 0; block < values.Length; block += Math.Max(format.Length, 32))
            {
                var length = Math.Max(format.Length, 32);
                var expectedBlock = values.AsSpan(block, length);
                var error = RootMeanSquareError(expectedBlock, actual.AsSpan(block, length));
                var largest = expectedBlock.ToArray().Max(MathF.Abs);
                var bound = format.IsFloat ? largest / (format.Bits == 32 ? float.MaxValue : 128) : largest / (1 << Math.Min(format.Bits, 8 * format.BlockBytes / format.Length)) * 1.5;
                Assert.True(error <= bound, $"{name}: error {error} > {bound}");
            }
        }, iter: 30, threads: 1);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Quantize_WithImportance_LowersTheWeightedError(string name)
    {
        // Bell-shaped numbers, of which one in eight counts fifty times as much as the others.
        var format = Find(name);
        var random = new Random(7);
        var values = Enumerable.Range(0, 2048).Select(_ => (float)(Enumerable.Range(0, 6).Sum(_ => random.NextDouble()) - 3)).ToArray();
        var importance = values.Select(_ => random.Next(8) == 0 ? 50f : 1f).ToArray();

        var (plain, weighted) = (RoundTrip(format, values), RoundTrip(format, values, importance));

        var ratio = WeightedError(values, weighted, importance) / WeightedError(values, plain, importance);
        TestContext.Current.TestOutputHelper!.WriteLine($"ratio {ratio:F4}");
        if (format.IsFloat || format.Type is GgmlType.Q8_0 or GgmlType.TQ1_0 or GgmlType.TQ2_0)
            Assert.Equal(plain, weighted);
        else
            Assert.True(ratio < 0.99, $"{name}: {ratio}");
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Quantize_EqualImportance_IsNotWorseThanNone(string name)
    {
        var format = Find(name);
        Values.Sample(values =>
        {
            var ones = new float[values.Length];
            Array.Fill(ones, 1);
            Assert.True(WeightedError(values, RoundTrip(format, values, ones), ones) <= WeightedError(values, RoundTrip(format, values), ones) * 1.0001);
        }, iter: 10, threads: 1);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Quantize_Zeros_GivesZeros(string name) => Assert.All(RoundTrip(Find(name), new float[512]), v => Assert.Equal(0f, v));

    [Theory]
    [MemberData(nameof(Formats))]
    public void Quantize_SpecialValues_DoesNotThrow(string name)
    {
        var special = new[] { float.NaN, float.PositiveInfinity, float.NegativeInfinity, float.MaxValue, float.MinValue, float.Epsilon, -0f, 1e-30f };
        foreach (var value in special)
        {
            RoundTrip(Find(name), [.. Enumerable.Repeat(value, 512)]);
            RoundTrip(Find(name), [.. Enumerable.Repeat(value, 512)], [.. Enumerable.Repeat(1f, 512)]);
            RoundTrip(Find(name), [.. Enumerable.Range(0, 512).Select(i => i % 37 == 0 ? value : i)]);
        }
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Quantize_SmallValues_DoNotVanish(string name)
    {
        // Weights of wide models are that small; a factor that a half cannot hold must not lose it.
        var format = Find(name);
        var values = Enumerable.Range(0, 512).Select(i => (i % 2 == 0 ? 1 : -1) * MathF.Pow(2, -14)).ToArray();
        Assert.All(RoundTrip(format, values), v => Assert.NotEqual(0f, v));
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Dequantize_RandomBytes_DoesNotThrow(string name)
    {
        var format = Find(name);
        Gen.Byte.Array[8 * format.BlockBytes].Sample(bytes => format.Dequantize(bytes, new float[8 * format.Length]), iter: 300, threads: 1);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Unpack_RandomBytes_IsTheDequantizedBlock(string name)
    {
        var format = Find(name);
        if (format.IsFloat)
        {
            Assert.Throws<NotSupportedException>(() =>
            {
                var none = default(Groups);
                format.Unpack(new byte[format.BlockBytes], ref none);
            });
            return;
        }

        Gen.Byte.Array[format.BlockBytes].Sample(bytes =>
        {
            // Dirty memory: Unpack must set everything.
            var groups = new Groups { Quants = new byte[format.Length], GroupScales = new sbyte[format.Length / format.GroupLength], GroupMins = new byte[format.Length / format.GroupLength], Scale = 7, MinScale = 7 };
            groups.Quants.Fill(77);
            groups.GroupScales.Fill(77);
            groups.GroupMins.Fill(77);
            format.Unpack(bytes, ref groups);
            var values = new float[format.Length];
            format.Dequantize(bytes, values);
            for (var i = 0; i < values.Length; i++)
            {
                var g = i / format.GroupLength;
                Assert.InRange(groups.Quants[i], 0, (1 << format.Bits) - 1);
                var level = format.Levels.IsEmpty ? groups.Quants[i] : format.Levels[groups.Quants[i]];
                var first = (double)groups.Scale * groups.GroupScales[g] * (level - format.QuantOffset);
                var second = (double)groups.MinScale * groups.GroupMins[g];
                if (double.IsFinite(first - second) && Math.Abs(first - second) < float.MaxValue)
                    Assert.True(Math.Abs(first - second - values[i]) <= 1e-6 * (Math.Abs(first) + Math.Abs(second)));
                else
                    Assert.False(float.IsFinite(values[i]));
            }
        }, iter: 300, threads: 1);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void RowBytes_WholeAndBrokenRows_AreCountedOrRefused(string name)
    {
        var format = Find(name);
        Assert.Equal(3L * format.BlockBytes, format.RowBytes(3L * format.Length));
        Assert.Throws<ArgumentException>(() => format.RowBytes(-1));
        if (format.Length > 1)
            Assert.Throws<ArgumentException>(() => format.RowBytes(format.Length + 1));
    }

    private static BlockFormat Find(string name) => BlockFormats.All.Single(f => f.Name == name);

    private static string GoldenFile(string format, string file)
    {
        var folder = Golden.Path("formats", GoldenModels.FolderOf(format));
        Assert.SkipUnless(Directory.Exists(folder), $"There is no golden data for {format}.");
        return Path.Combine(folder, file);
    }

    private static double WeightedError(float[] values, float[] rounded, float[] importance) =>
        Enumerable.Range(0, values.Length).Sum(i => importance[i] * Math.Pow((double)values[i] - rounded[i], 2));

    private static float[] RoundTrip(BlockFormat format, float[] values, float[]? importance = null)
    {
        var blocks = new byte[format.RowBytes(values.Length)];
        format.Quantize(values, importance, blocks);
        var result = new float[values.Length];
        format.Dequantize(blocks, result);
        return result;
    }

    private static void AssertBitEqual(float[] expected, float[] actual)
    {
        var same = MemoryMarshal.Cast<float, int>(expected).CommonPrefixLength(MemoryMarshal.Cast<float, int>(actual));
        Assert.True(same == expected.Length, same == expected.Length ? "" : $"value {same}: expected {expected[same]:R}, found {actual[same]:R}");
    }

    private static double RootMeanSquareError(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        var sum = 0d;
        for (var i = 0; i < expected.Length; i++)
            sum += Math.Pow((double)expected[i] - actual[i], 2);
        return Math.Sqrt(sum / expected.Length);
    }
}
