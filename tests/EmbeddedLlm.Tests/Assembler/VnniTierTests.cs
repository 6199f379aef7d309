using System.Runtime.InteropServices;
using EmbeddedLlm.Assembler;
using EmbeddedLlm.Cpu;
using EmbeddedLlm.Cpu.Panels;
using EmbeddedLlm.Cpu.Tiers;
using EmbeddedLlm.Quantization;
using EmbeddedLlm.Tests.Cpu;

namespace EmbeddedLlm.Tests.Assembler;

/// <summary>Beside these, every test of a product runs on this tier too, see <see cref="TestTiers"/>.</summary>
public sealed unsafe class VnniTierTests
{
    private const string NoVnni = "This processor, or what the test runs with, has no AVX-512 VNNI.";

    public static TheoryData<GgmlType> Integers => [.. BlockFormats.All.Where(format => !format.IsFloat).Select(format => format.Type)];

    /// <summary>With scales of one all numbers are whole and small, so floats are exact too and the order of operations does not matter.</summary>
    [Theory, MemberData(nameof(Integers))]
    public void Product_OfWholeNumbers_EqualsIntrinsicsBitForBit(GgmlType type)
    {
        Assert.SkipUnless(VnniTier.IsSupported, NoVnni);
        const int Rows = 67, Width = 256, Count = 15;
        var format = BlockFormats.Get(type);
        var weight = RandomWeights.Raw(format, Rows, Width, 1);
        var bytes = weight.Storage.Slice(0, (int)weight.Bytes).ToArray();
        for (var block = 0; block < bytes.Length; block += format.BlockBytes)
        {
            for (var half = 0; half < RandomWeights.Halves(format).Length; half++)
                RandomWeights.SetHalf(format, bytes.AsSpan(block, format.BlockBytes), half, BitConverter.HalfToUInt16Bits((Half)1));
        }

        // One number of 127 in each group makes its scale one.
        var random = new Random(2);
        var x = Enumerable.Range(0, Count * Width).Select(i => i % 32 == i / 32 % 32 ? (i % 3 == 0 ? -127f : 127f) : random.Next(-3, 4)).ToArray();
        weight = weight with { Storage = EmbeddedLlm.Graph.WeightStorage.From(bytes) };

        for (var count = 1; count <= Count; count++)
            Assert.Equal(Multiply(Tier.Best, weight, x, count), Multiply(VnniTier.Create(), weight, x, count));
    }

    [Fact]
    public void Holds_OffsetThatIsNotHalfTheRange_IsFalse()
    {
        Assert.SkipUnless(VnniTier.IsSupported, NoVnni);
        Assert.True(Tier.Best.Holds(BlockFormat.Of<OddOffset>()));
        Assert.False(VnniTier.Create().Holds(BlockFormat.Of<OddOffset>()));
        Assert.All(BlockFormats.All, format => Assert.True(VnniTier.Create().Holds(format)));
    }

    [Fact]
    public void Create_WithoutVnni_SaysWhatItNeeds()
    {
        Assert.SkipWhen(VnniTier.IsSupported, "This processor has AVX-512 VNNI; the stages of the build without AVX-512 run this.");
        Assert.Contains("AVX-512 VNNI", Assert.Throws<NotSupportedException>(() => VnniTier.Create()).Message, StringComparison.Ordinal);
    }

    private static float[] Multiply(Tier tier, EmbeddedLlm.Graph.Weight weight, float[] x, int count)
    {
        using var panels = new PanelMatrix(tier, weight);
        using var packed = new AlignedMemory(ActivationPacker.Bytes(count, panels.Width, isFloat: false));
        using var sums = new AlignedMemory(panels.ScratchBytes);
        var output = new float[count * panels.Rows];
        fixed (float* source = x, target = output)
        {
            ActivationPacker.Pack(new Activations(source, panels.Width), count, null, packed.Start, isFloat: false, tier.MaxColumns, 0, ActivationPacker.Units(count, panels.Width, tier.MaxColumns));
            panels.Multiply(packed.Start, count, 0, 0, panels.Panels, null, target, sums.Start);
        }

        return output;
    }

    /// <summary>The shape of Q4_0 with another offset.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 18)]
    private struct OddOffset : IBlockFormat<OddOffset>
    {
        public static GgmlType Type => GgmlType.NVFP4;
        public static int Length => 32;
        public static int Bits => 4;
        public static int GroupLength => 32;
        public static int QuantOffset => 7;

        public static void Quantize(ReadOnlySpan<float> values, out OddOffset block) => block = default;

        public static void Unpack(in OddOffset block, ref Groups groups) => throw new NotSupportedException();
    }
}
