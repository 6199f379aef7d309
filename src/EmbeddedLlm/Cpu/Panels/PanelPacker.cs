using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using EmbeddedLlm.Cpu.Tiers;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Cpu.Panels;

/// <summary>
/// Brings rows of any format into a panel. A panel of R rows has two parts:
/// <list type="bullet">
/// <item>Scales. For each block: R halves (scale), R halves (minimum scale, where the shape has minimums), or the floats that the shape has in their place; where groups have scales of their own then for each group of 32:
/// R bytes for each integer scale, R bytes for each integer minimum. Shape (2, 16) keeps both in one byte, the minimum in the high bits.</item>
/// <item>Quants. For each group of 32: planes of 4·R bytes, in which row r has the bytes 4r … 4r+3. The byte of place i mod 4 belongs to the numbers
/// i = 4·step + place of the 8 steps. Nibbles: four planes; plane l has step l in its low and step 4+l in its high bits. Bits beyond the nibble stand
/// before them: pairs of bits in two planes (steps 0 … 3, steps 4 … 7; step l at bit 2(l mod 4)), single bits in one plane (step l at bit l).
/// Bytes: eight planes, one for each step. Floats: for each column R numbers.</item>
/// </list>
/// </summary>
internal static unsafe class PanelPacker
{
    private const int Group = PanelShape.GroupColumns;

    /// <summary>Floats that one step of a transposer takes at most; rows of other lengths are packed one by one.</summary>
    private const int TransposedFloats = 8;

    /// <summary>Columns of a wide panel that are packed at once: what is moved into its place stays in the nearest cache.</summary>
    private const int PartColumns = 512;

    /// <summary>How <paramref name="tier"/> packs <see cref="Tier.Rows"/> rows together, see <see cref="Tier.Transposer"/>; null where they have to be packed one by one.</summary>
    public static delegate*<byte*, nint, nint, byte*, byte*, uint*, void> Transposer(Tier tier, Weight weight) =>
        weight.Format.IsFloat && weight.Columns % TransposedFloats != 0 ? null : tier.Transposer(weight.Format);

    /// <summary>Packs one panel.</summary>
    /// <param name="tier">Whose panel it is.</param>
    /// <param name="weight">Where the rows come from.</param>
    /// <param name="shape">The shape of the panel.</param>
    /// <param name="firstRow">The first row of the panel.</param>
    /// <param name="rows">How many rows there are; where they are fewer than the lanes, the others are left as they are.</param>
    /// <param name="scales">The part for scales; cleared where there are fewer rows than lanes.</param>
    /// <param name="quants">The part for quants; cleared likewise.</param>
    /// <exception cref="ModelFormatException">A number or a scale is not finite, or becomes so as a half: products read halves as finite ones.</exception>
    public static void Pack(Tier tier, Weight weight, PanelShape shape, long firstRow, int rows, byte* scales, byte* quants)
    {
        var transpose = Transposer(tier, weight);
        if (transpose == null || rows < tier.RowsOf(shape))
        {
            PackRows(weight, shape, firstRow, rows, tier.RowsOf(shape), scales, quants);
            return;
        }

        var carries = stackalloc uint[rows];
        new Span<uint>(carries, rows).Clear();
        fixed (byte* source = weight.Storage.Slice(weight.Offset + firstRow * weight.RowBytes, checked(rows * weight.RowBytes)))
        {
            if (rows == tier.Rows)
                transpose(source, weight.RowBytes, weight.Columns / weight.Format.Length, scales, quants, carries);
            else
                PackWide(transpose, source, weight, shape, tier.Rows, rows, scales, quants, carries);
        }

        ThrowIfNotFinite(weight, firstRow, new(carries, rows));
    }

    /// <summary>Looks at what a transposer has found.</summary>
    /// <exception cref="ModelFormatException">A row has a number or a scale that is not finite.</exception>
    public static void ThrowIfNotFinite(Weight weight, long firstRow, ReadOnlySpan<uint> carries)
    {
        for (var row = 0; row < carries.Length; row++)
        {
            if ((carries[row] & 0x8000) != 0)
                ThrowNotFinite(weight, firstRow + row);
        }
    }

    // A panel of several times the rows that are packed together: each part is packed as a panel of its own, of which every row of a plane then goes to its place.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PackWide(delegate*<byte*, nint, nint, byte*, byte*, uint*, void> transpose, byte* source, Weight weight, PanelShape shape, int partRows, int rows, byte* scales, byte* quants, uint* carries)
    {
        var (scaleBytes, quantBytes) = PanelMatrix.PartBytes(shape, PartColumns, partRows);
        var partScales = stackalloc byte[(int)(scaleBytes + quantBytes)];
        var partQuants = partScales + scaleBytes;
        for (var column = 0; column < weight.Columns; column += PartColumns)
        {
            var blocks = Math.Min(PartColumns, weight.Columns - column) / shape.BlockLength;
            var groups = blocks * shape.BlockLength / Group;
            for (var row = 0; row < rows; row += partRows)
            {
                transpose(source + row * weight.RowBytes, weight.RowBytes, blocks, partScales, partQuants, carries + row);
                SpreadScales(partScales, scales, shape, blocks, partRows, row, rows);
                Spread(partQuants, quants, groups * shape.QuantBytes / 4, 4, partRows, row, rows);
            }

            source += blocks * weight.Format.BlockBytes;
            scales += blocks * shape.ScaleBytes * rows;
            quants += groups * shape.QuantBytes * rows;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void SpreadScales(byte* source, byte* target, PanelShape shape, int blocks, int partRows, int row, int rows)
    {
        for (; blocks > 0; blocks--)
        {
            Spread(source, target, shape.FloatScales, shape.FloatScaleBytes, partRows, row, rows);
            var floats = shape.FloatScales * shape.FloatScaleBytes;
            Spread(source + floats * partRows, target + floats * rows, shape.ScaleBytes - floats, 1, partRows, row, rows);
            source += shape.ScaleBytes * partRows;
            target += shape.ScaleBytes * rows;
        }
    }

    // From planes of some rows, each with so many bytes, to those rows of planes of more. Rows that are packed together are 16 at least where panels are wide.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Spread(byte* source, byte* target, int planes, int bytes, int partRows, int row, int rows)
    {
        target += row * bytes;
        for (; planes > 0; planes--, source += partRows * bytes, target += rows * bytes)
        {
            for (var at = 0; at < partRows * bytes; at += Vector128<byte>.Count)
                Vector128.Load(source + at).Store(target + at);
        }
    }

    /// <summary>The general way: packs the rows one by one, of any format.</summary>
    internal static void PackRows(Weight weight, PanelShape shape, long firstRow, int rows, int lanes, byte* scales, byte* quants)
    {
        if (shape.IsFloat)
        {
            for (var lane = 0; lane < rows; lane++)
            {
                if (!PackFloats(weight.Row(firstRow + lane), shape, lane, lanes, quants))
                    ThrowNotFinite(weight, firstRow + lane);
            }

            return;
        }

        var format = weight.Format;
        Span<byte> numbers = stackalloc byte[format.Length];
        Span<sbyte> groupScales = stackalloc sbyte[format.Length / format.GroupLength];
        Span<byte> groupMins = stackalloc byte[format.Length / format.GroupLength];
        var groups = new Groups { Quants = numbers, GroupScales = groupScales, GroupMins = groupMins };
        for (var lane = 0; lane < rows; lane++)
        {
            var scale = scales;
            var quant = quants;
            for (var row = weight.Row(firstRow + lane); row.Length > 0; row = row[format.BlockBytes..])
            {
                format.Unpack(row, ref groups);
                if (!PackScales(groups, shape, lane, lanes, scale))
                    ThrowNotFinite(weight, firstRow + lane);
                scale += shape.ScaleBytes * lanes;
                for (var i = 0; i < numbers.Length; i += Group, quant += shape.QuantBytes * lanes)
                    PackQuants(numbers.Slice(i, Group), shape.Bits, (uint*)quant + lane, lanes);
            }
        }
    }

    // Returns whether all numbers are finite. An exponent of all ones says that one is not: adding its lowest bit carries into the bit above it.
    private static bool PackFloats(ReadOnlySpan<byte> row, PanelShape shape, int lane, int lanes, byte* numbers)
    {
        var carries = 0u;
        if (shape.QuantBytes == 4)
        {
            var values = MemoryMarshal.Cast<byte, uint>(row);
            for (var i = 0; i < values.Length; i++)
            {
                ((uint*)numbers)[(long)i * lanes + lane] = values[i];
                carries |= (values[i] & 0x7F800000) + 0x00800000;
            }

            return (carries & 0x80000000) == 0;
        }

        var halves = MemoryMarshal.Cast<byte, ushort>(row);
        var exponent = shape == PanelShape.Halves ? 0x7C00u : 0x7F80u;
        var lowest = exponent & (0 - exponent);
        for (var i = 0; i < halves.Length; i++)
        {
            ((ushort*)numbers)[(long)i * lanes + lane] = halves[i];
            carries |= (halves[i] & exponent) + lowest;
        }

        return (carries & 0x8000) == 0;
    }

    // Returns whether the scales are finite.
    private static bool PackScales(in Groups groups, PanelShape shape, int lane, int lanes, byte* scales)
    {
        if (shape.BlockLength == shape.GroupLength)
        {
            // No room for integers here: they join the factors, which stay as exact as the file's (the integers of such formats are 1).
            return PackScale(groups.Scale * groups.GroupScales[0], shape, lane, lanes, ref scales)
                && (!shape.HasMinimums || PackScale(groups.MinScale * groups.GroupMins[0], shape, lane, lanes, ref scales));
        }

        var isFinite = PackScale(groups.Scale, shape, lane, lanes, ref scales);
        if (shape.HasMinimums)
            isFinite &= PackScale(groups.MinScale, shape, lane, lanes, ref scales);

        var perGroup = Group / shape.GroupLength;
        for (var i = 0; i < groups.GroupScales.Length; i++)
        {
            var place = scales + lane;
            scales += lanes;
            *place = (byte)groups.GroupScales[i];
            if (!shape.HasMinimums)
                continue;
            if (perGroup == 2)
            {
                *place |= (byte)(groups.GroupMins[i] << 4);
            }
            else
            {
                place[lanes] = groups.GroupMins[i];
                scales += lanes;
            }
        }

        return isFinite;
    }

    private static bool PackScale(float value, PanelShape shape, int lane, int lanes, ref byte* scales)
    {
        var place = scales;
        scales += shape.FloatScaleBytes * lanes;
        switch (shape.ScaleBits)
        {
            case 16:
                ((Half*)place)[lane] = (Half)value;
                return Half.IsFinite(((Half*)place)[lane]);
            case 17:
                ((ushort*)place)[lane] = (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16);
                return float.IsFinite(value);
            default:
                ((float*)place)[lane] = value;
                return float.IsFinite(value);
        }
    }

    [DoesNotReturn]
    private static void ThrowNotFinite(Weight weight, long row) =>
        throw new ModelFormatException($"Tensor '{weight.Name}' ({weight.Format}): expected finite numbers and scales, found one in row {row} that is infinite, no number, or too large for a half.");

    // Eight steps of four numbers; a step is one integer of four bytes. Fields of different steps never share bits, so that sums put them together.
    private static void PackQuants(ReadOnlySpan<byte> numbers, int bits, uint* planes, int lanes)
    {
        var first = Vector128.Create(numbers).AsUInt32();                       // steps 0 … 3
        var second = Vector128.Create(numbers[Vector128<byte>.Count..]).AsUInt32();     // steps 4 … 7
        if (bits == 8)
        {
            Scatter(first, planes, lanes);
            Scatter(second, planes + 4 * lanes, lanes);
            return;
        }

        var low = bits is 2 or 3 ? 0 : 4;       // bits in the nibble planes
        if (bits is 2 or 3 or 6)
        {
            var places = Vector128.Create(1u, 1 << 2, 1 << 4, 1 << 6);
            planes[0] = Vector128.Sum(((first >>> low) & Vector128.Create(0x03030303u)) * places);
            planes[lanes] = Vector128.Sum(((second >>> low) & Vector128.Create(0x03030303u)) * places);
            planes += 2 * lanes;
            low += 2;
        }

        if (bits is 3 or 5)
        {
            var places = Vector128.Create(1u, 1 << 1, 1 << 2, 1 << 3);
            planes[0] = Vector128.Sum((((first >>> low) & Vector128.Create(0x01010101u)) | (((second >>> low) & Vector128.Create(0x01010101u)) << 4)) * places);
            planes += lanes;
        }

        if (bits is not (2 or 3))
            Scatter((first & Vector128.Create(0x0F0F0F0Fu)) | ((second & Vector128.Create(0x0F0F0F0Fu)) << 4), planes, lanes);
    }

    private static void Scatter(Vector128<uint> steps, uint* planes, int lanes)
    {
        planes[0] = steps[0];
        planes[lanes] = steps[1];
        planes[2 * lanes] = steps[2];
        planes[3 * lanes] = steps[3];
    }
}
