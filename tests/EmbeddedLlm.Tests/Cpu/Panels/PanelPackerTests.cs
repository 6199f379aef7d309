using CsCheck;
using EmbeddedLlm.Cpu.Panels;
using EmbeddedLlm.Cpu.Tiers;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Tests.Cpu.Panels;

/// <summary>Rows that are packed together against rows that are packed one by one.</summary>
public sealed unsafe class PanelPackerTests
{
    private const byte Untouched = 0xA5;

    public static TheoryData<string, GgmlType> TiersAndFormats =>
        [.. TestTiers.All.SelectMany(tier => BlockFormats.All.Select(format => (tier.Name, format.Type)))];

    [Theory]
    [MemberData(nameof(TiersAndFormats))]
    public void Pack_RandomBytes_EqualsTheGeneralWayByteForByte(string tierName, GgmlType type)
    {
        var tier = TestTiers.All.First(tier => tier.Name == tierName);
        var format = BlockFormats.Get(type);
        Assert.Equal(IsLookedUp(format), tier.Transposer(format) == null);
        var shape = PanelShape.Of(format);
        var lanes = tier.RowsOf(shape);
        Gen.Select(Gen.Int[1, 20], Gen.Int[1, lanes], Gen.Bool, Gen.Int[0, 2], Gen.Int).Sample((blocks, some, all, panel, seed) =>
        {
            var rows = all ? lanes : some;
            var width = format.IsFloat ? 4 * blocks : Math.Max(format.Length, 32) * blocks;
            var weight = RandomWeights.Raw(format, (panel * lanes) + rows, width, seed);
            var (scaleBytes, quantBytes) = PanelMatrix.PartBytes(shape, width, lanes);
            var expected = Filled(scaleBytes + quantBytes);
            var actual = Filled(scaleBytes + quantBytes);
            fixed (byte* one = expected, other = actual)
            {
                PanelPacker.PackRows(weight, shape, panel * lanes, rows, lanes, one, one + scaleBytes);
                PanelPacker.Pack(tier, weight, shape, panel * lanes, rows, other, other + scaleBytes);
            }

            Assert.Equal(expected, actual);
        }, iter: 40, threads: 1);
    }

    [Fact]
    public void Transposer_FormatFromOutsideWithTheIdOfOurs_IsNone() => Assert.True(Tier.Best.Transposer(BlockFormat.Of<Impostor>()) == null);

    // Grids and numbers to base 3 are not moved bit by bit: these have the general way only.
    private static bool IsLookedUp(BlockFormat format) => format.Type is GgmlType.TQ1_0 || format.Levels.Length > 0 && format.Type is not (GgmlType.IQ4_NL or GgmlType.IQ4_XS or GgmlType.MXFP4);

    private static byte[] Filled(long length)
    {
        var bytes = new byte[length];
        Array.Fill(bytes, Untouched);
        return bytes;
    }

    /// <summary>Has the id of a format whose blocks have 18 bytes.</summary>
    private struct Impostor : IBlockFormat<Impostor>
    {
        private byte _only;

        public static GgmlType Type => GgmlType.Q4_0;
        public static int Length => 32;
        public static int Bits => 4;
        public static int GroupLength => 32;
        public static int QuantOffset => 8;

        public static void Quantize(ReadOnlySpan<float> values, out Impostor block) => block._only = (byte)values[0];
    }
}
