using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using CsCheck;
using EmbeddedLlm.Cpu;
using EmbeddedLlm.Cpu.Panels;
using EmbeddedLlm.Cpu.Tiers;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Tests.Cpu.Panels;

/// <summary>The product of every format on every instruction set of this processor, against sums in double.</summary>
public sealed unsafe class PanelMatrixTests
{
    /// <summary>Of the sum of the magnitudes: single-precision sums, and FMA or not.</summary>
    private const double Tolerance = 2e-6;

    public static TheoryData<string, GgmlType> TiersAndFormats => [.. from tier in TestTiers.All from format in BlockFormats.All select (tier.Name, format.Type)];

    [Theory]
    [MemberData(nameof(TiersAndFormats))]
    public void Multiply_RandomShapes_IsNearTheSumInDouble(string tierName, GgmlType type)
    {
        var (tier, format) = Find(tierName, type);
        Gen.Select(Gen.Int[1, 40], Gen.Int[1, 6], Gen.Int[1, 19], Gen.Int, Gen.Bool).Sample((rows, blocks, count, seed, raw) =>
        {
            var width = format.IsFloat ? 7 * blocks : Math.Max(format.Length, 32) * blocks;
            var weight = raw && !format.IsFloat ? RandomWeights.Raw(format, rows, width, seed) : RandomWeights.Quantized(format, rows, width, seed);
            AssertProduct(tier, weight, RandomWeights.Floats(count * width, seed + 1), count);
        }, iter: 15, threads: 1);
    }

    [Theory]
    [MemberData(nameof(TiersAndFormats))]
    public void Multiply_LargestWeightsAndActivations_DoesNotSaturate(string tierName, GgmlType type)
    {
        var (tier, format) = Find(tierName, type);
        foreach (var (sign, alternating) in new[] { (1, false), (-1, false), (1, true), (-1, true) })
        {
            // One number of the other sign in each group lets the others take the highest quant, with or without a minimum.
            const int Rows = 17, Width = 512;
            var values = Enumerable.Range(0, Rows * Width).Select(i => (float)(i % 16 == 5 ? -sign : sign)).ToArray();
            var x = Enumerable.Range(0, 3 * Width).Select(i => alternating && i % 2 == 0 ? -1f : 1f).ToArray();
            AssertProduct(tier, RandomWeights.Of(format, Rows, Width, values), x, 3);
        }
    }

    [Theory]
    [MemberData(nameof(TiersAndFormats))]
    public void Multiply_ManyRows_EqualsEachRowAloneBitForBit(string tierName, GgmlType type)
    {
        var (tier, format) = Find(tierName, type);
        const int Rows = 37, Width = 512, Count = 23;
        using var panels = new PanelMatrix(tier, RandomWeights.Quantized(format, Rows, Width, 3));
        var x = RandomWeights.Floats(Count * Width, 4);
        var all = Multiply(tier, panels, x, Count);
        for (var count = 1; count <= 8; count++)
        {
            for (var row = 0; row + count <= Count; row += count)
                Assert.Equal<float>(all[(row * Rows)..((row + count) * Rows)], Multiply(tier, panels, x.AsSpan(row * Width, count * Width), count));
        }
    }

    [Theory]
    [MemberData(nameof(TiersAndFormats))]
    public void Multiply_KeptInFile_GivesTheSameBitsAndKeepsNoPanels(string tierName, GgmlType type)
    {
        var (tier, format) = Find(tierName, type);
        Gen.Select(Gen.Int[1, 70], Gen.Int[1, 3], Gen.Int[1, 19], Gen.Int).Sample((rows, blocks, count, seed) =>
        {
            var width = Math.Max(format.Length, 32) * blocks;
            var weight = RandomWeights.Quantized(format, rows, width, seed);
            using var kept = new PanelMatrix(tier, weight);
            using var inFile = new PanelMatrix(tier, weight, keepInFile: true);
            var x = RandomWeights.Floats(count * width, seed + 1);
            Assert.Equal<float>(Multiply(tier, kept, x, count), Multiply(tier, inFile, x, count));
            Assert.Equal(0, inFile.Bytes);
        }, iter: 10, threads: 1);
    }

    [Theory]
    [MemberData(nameof(TiersAndFormats))]
    public void Multiply_EveryTier_AgreesWithThePortableOne(string tierName, GgmlType type)
    {
        var (tier, format) = Find(tierName, type);
        const int Rows = 33, Width = 768, Count = 5;
        var weight = RandomWeights.Quantized(format, Rows, Width, 5);
        using var panels = new PanelMatrix(tier, weight);
        using var portable = new PanelMatrix(Tier.Portable, weight);
        var x = RandomWeights.Floats(Count * Width, 6);
        var expected = Multiply(Tier.Portable, portable, x, Count);
        var actual = Multiply(tier, panels, x, Count);
        var size = expected.Max(MathF.Abs);
        for (var i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], actual[i], 1e-5f * size);
    }

    [Theory]
    [MemberData(nameof(TiersAndFormats))]
    public void Multiply_NotFiniteActivation_SpoilsItsRowOnly(string tierName, GgmlType type)
    {
        var (tier, format) = Find(tierName, type);
        const int Rows = 5, Width = 256, Count = 4;
        using var panels = new PanelMatrix(tier, RandomWeights.Quantized(format, Rows, Width, 7));
        var x = RandomWeights.Floats(Count * Width, 8);
        var clean = Multiply(tier, panels, x, Count);
        x[Width + 40] = float.NaN;
        x[2 * Width + 50] = float.PositiveInfinity;
        var spoiled = Multiply(tier, panels, x, Count);
        Assert.All(spoiled[Rows..(3 * Rows)], value => Assert.False(float.IsFinite(value)));
        Assert.Equal(clean[..Rows], spoiled[..Rows]);
        Assert.Equal(clean[(3 * Rows)..], spoiled[(3 * Rows)..]);
    }

    [Theory]
    [MemberData(nameof(TiersAndFormats))]
    public void Bytes_OfWideMatrix_AreHardlyMoreThanTheFiles(string tierName, GgmlType type)
    {
        var (tier, format) = Find(tierName, type);
        var weight = RandomWeights.Of(format, 32, 2048, new float[32 * 2048]);
        using var panels = new PanelMatrix(tier, weight);
        Assert.InRange((double)panels.Bytes / weight.Bytes, 0.99, 0.01 + Growth(format));
    }

    [Fact]
    public void Pack_FloatThatIsNotFinite_NamesTensorAndRow()
    {
        foreach (var format in BlockFormats.All.Where(format => format.IsFloat))
        {
            foreach (var bad in (float[])[float.NaN, -float.NaN, float.PositiveInfinity, float.NegativeInfinity])
            {
                foreach (var (row, column) in ((int, int)[])[(0, 0), (18, 0), (18, Width - 1), (40, 3)])
                {
                    var values = RandomWeights.Floats(41 * Width, 9);
                    values[row * Width + column] = bad;
                    AssertRefused(RandomWeights.Of(format, 41, Width, values), row);
                }
            }

            var largest = format.Type == GgmlType.F16 ? 65504f : 3.3e38f;
            using var panels = new PanelMatrix(Tier.Best, RandomWeights.Of(format, 1, 4, [largest, -largest, 0, float.Epsilon]));
        }
    }

    [Fact]
    public void Pack_ScaleThatIsNotFinite_NamesTensorAndRow()
    {
        foreach (var format in BlockFormats.All.Where(format => !format.IsFloat))
        {
            var columns = 2 * Math.Max(Width, format.Length);
            foreach (var bad in (ushort[])[0x7C00, 0xFC00, 0x7E00, 0xFFFF])
            {
                for (var half = 0; half < RandomWeights.Halves(format).Length; half++)
                {
                    // In the last block of the row; in a full panel and in one that is not.
                    foreach (var row in (int[])[9, 19])
                    {
                        var weight = RandomWeights.Quantized(format, 21, columns, 11);
                        var bytes = weight.Storage.Slice(0, (int)weight.Bytes).ToArray();
                        RandomWeights.SetHalf(format, bytes.AsSpan(((row + 1) * weight.RowBytes) - format.BlockBytes, format.BlockBytes), half, bad);
                        AssertRefused(weight with { Storage = WeightStorage.From(bytes) }, row);
                    }
                }
            }
        }
    }

    private const int Width = 64;

    // Panels have four bits for numbers that the file names several at a time, two bits for a ternary number, and brain floats for powers of two.
    private static double Growth(BlockFormat format) => format.Type switch
    {
        GgmlType.MXFP4 => 18.0 / 17,
        GgmlType.TQ1_0 => 66.0 / 54,
        GgmlType.IQ1_S or GgmlType.IQ2_XXS or GgmlType.IQ3_XXS => 140.0 / format.BlockBytes,
        GgmlType.IQ3_S => 138.0 / format.BlockBytes,
        GgmlType.IQ1_M or GgmlType.IQ2_XS or GgmlType.IQ2_S => 148.0 / format.BlockBytes,
        _ => 1.03,
    };

    private static void AssertRefused(Weight weight, int row)
    {
        foreach (var tier in TestTiers.All)
        {
            var exception = Assert.Throws<ModelFormatException>(() => new PanelMatrix(tier, weight));
            Assert.Equal(exception.Message, Assert.Throws<ModelFormatException>(() => new PanelMatrix(tier, weight, keepInFile: true)).Message);
            Assert.Contains($"'test' ({weight.Format})", exception.Message, StringComparison.Ordinal);
            Assert.Contains($"row {row} ", exception.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [MemberData(nameof(TiersAndFormats))]
    public void PartBytes_OfWidestMatrix_DoNotWrap(string tierName, GgmlType type)
    {
        var (tier, format) = Find(tierName, type);
        var shape = PanelShape.Of(format);
        var one = PanelMatrix.PartBytes(shape, 1 << 12, tier.Rows);
        foreach (var power in (int[])[26, 30])
        {
            var many = PanelMatrix.PartBytes(shape, 1 << power, tier.Rows);
            Assert.Equal((one.Scales << (power - 12), one.Quants << (power - 12)), many);
            Assert.Equal((nint)4 << power, ActivationPacker.RowBytes(1 << power, isFloat: true));
        }
    }

    private static void AssertProduct(Tier tier, Weight weight, float[] x, int count)
    {
        int rows = weight.Rows, width = weight.Columns;
        using var panels = new PanelMatrix(tier, weight);
        var actual = Multiply(tier, panels, x, count);
        var seen = weight.Format.IsFloat ? x : Rounded(x);
        var values = weight.ToFloats();
        for (var o = 0; o < rows; o++)
        {
            // Quants are scaled before their offset or minimum is taken off, so the sums are of the size of the largest weight.
            var least = width / 8 * (double)TensorPrimitives.MaxMagnitude(values.AsSpan(o * width, width));
            for (var row = 0; row < count; row++)
            {
                double sum = 0, size = 0;
                for (var i = 0; i < width; i++)
                {
                    var product = (double)values[o * width + i] * seen[row * width + i];
                    sum += product;
                    size += Math.Abs(product);
                }

                if (!(Math.Abs(actual[row * rows + o] - sum) <= Tolerance * Math.Max(size, Math.Abs(least)) + 1e-30))
                    Assert.Fail($"{weight.Format} [{rows} × {width}], {count} rows: {actual[row * rows + o]} instead of {sum} at {row}, {o}");
            }
        }
    }

    // What the activations are after they went through 8 bits.
    private static float[] Rounded(float[] x)
    {
        var rounded = new float[x.Length];
        for (var i = 0; i < x.Length; i++)
        {
            var largest = MathF.Abs(TensorPrimitives.MaxMagnitude(x.AsSpan(i / 32 * 32, 32)));
            rounded[i] = largest == 0 ? 0 : MathF.Round(x[i] * (127 / largest)) * (largest / 127);
        }

        return rounded;
    }

    private static float[] Multiply(Tier tier, PanelMatrix panels, ReadOnlySpan<float> x, int count)
    {
        var isFloat = panels.Shape.IsFloat;
        var output = new float[count * panels.Rows];
        var packed = (byte*)NativeMemory.AlignedAlloc((nuint)ActivationPacker.Bytes(count, panels.Width, isFloat), 64);
        var sums = stackalloc byte[panels.ScratchBytes];
        fixed (float* source = x, target = output)
        {
            ActivationPacker.Pack(new Activations(source, panels.Width), count, null, packed, isFloat, tier.MaxColumns, 0, ActivationPacker.Units(count, panels.Width, tier.MaxColumns));
            panels.Multiply(packed, count, 0, 0, panels.Panels, null, target, sums);
        }

        NativeMemory.AlignedFree(packed);
        return output;
    }

    private static (Tier Tier, BlockFormat Format) Find(string name, GgmlType type) => (TestTiers.All.First(tier => tier.Name == name), BlockFormats.Get(type));
}
