using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace EmbeddedLlm.Cpu.Panels;

/// <summary>
/// Lays rows of activations out as the columns of a product. Rows go into tiles of at most <c>MaxColumns</c>; the last tile has 1, 2, 4 or 8 columns,
/// those beyond the rows being zero. Within a tile the columns stand side by side, group by group, so that a product reads memory in one direction.
/// </summary>
internal static unsafe class ActivationPacker
{
    /// <summary>Bytes of one column in a group of 32: the quants and six numbers, see <see cref="PackIntegers"/>.</summary>
    public const int IntegerGroupBytes = Group + 3 * sizeof(float) + 3 * sizeof(int);

    private const int Group = PanelShape.GroupColumns;

    /// <summary>Below this a group counts as zero: the inverse of its scale would not be a float.</summary>
    private const float Smallest = 1e-30f;

    /// <summary>Columns of the tile that begins at <paramref name="row"/>, those beyond the rows included.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int TileColumns(int row, int rows, int maxColumns)
    {
        var left = rows - row;
        return left >= maxColumns ? maxColumns : left > 4 ? 8 : left > 2 ? 4 : left;
    }

    /// <summary>Bytes of one packed row of <paramref name="width"/> numbers.</summary>
    public static nint RowBytes(int width, bool isFloat) => isFloat ? (nint)width * sizeof(float) : (nint)(width / Group) * IntegerGroupBytes;

    /// <summary>Bytes of <paramref name="rows"/> packed rows, with those that fill the last tile.</summary>
    public static long Bytes(int rows, int width, bool isFloat) => checked((rows + 7L) / 8 * 8 * RowBytes(width, isFloat));

    /// <summary>How many units <see cref="Pack"/> can share among workers: a unit is one group of one tile.</summary>
    public static int Units(int rows, int width, int maxColumns) => checked((int)((rows + maxColumns - 1L) / maxColumns * ((width + Group - 1L) / Group)));

    /// <summary>Packs units <paramref name="start"/> … <paramref name="end"/> − 1.</summary>
    /// <param name="source">The rows.</param>
    /// <param name="rows">How many.</param>
    /// <param name="rowIndices">Which rows of the source, in order; null for 0 … rows − 1.</param>
    /// <param name="target">Packed rows, see <see cref="Bytes"/>.</param>
    /// <param name="isFloat">Whether floats stay floats; otherwise they become integers of 8 bits.</param>
    /// <param name="maxColumns">Columns of a full tile.</param>
    /// <param name="start">First unit.</param>
    /// <param name="end">Behind the last unit.</param>
    public static void Pack(Activations source, int rows, int* rowIndices, byte* target, bool isFloat, int maxColumns, int start, int end)
    {
        var groups = (source.Width + Group - 1) / Group;
        for (var unit = start; unit < end; unit++)
        {
            var (tile, group) = (unit / groups, unit % groups);
            var first = tile * maxColumns;
            var columns = TileColumns(first, rows, maxColumns);
            var place = target + first * RowBytes(source.Width, isFloat) + (long)group * columns * (isFloat ? Group * sizeof(float) : IntegerGroupBytes);
            for (var column = 0; column < columns; column++)
            {
                var row = first + column;
                var numbers = row < rows ? source.Row(rowIndices == null ? row : rowIndices[row]) + group * Group : null;
                if (isFloat)
                    PackFloats(numbers, (float*)place, column, columns, Math.Min(Group, source.Width - group * Group));
                else
                    PackIntegers(numbers, place, column, columns);
            }
        }
    }

    /// <summary>Floats: [numbers × columns].</summary>
    private static void PackFloats(float* numbers, float* place, int column, int columns, int count)
    {
        for (var i = 0; i < count; i++)
            place[i * columns + column] = numbers == null ? 0 : numbers[i];
    }

    /// <summary>
    /// Integers: [columns × 32] quants, then [columns] each: scales, sums, sums of first halves; and for products whose integer sums begin with what the
    /// offset of the weights adds up to, as integers without the scale: sums times −128, sums of first halves and of second halves times −32.
    /// </summary>
    internal static void PackIntegers(float* numbers, byte* place, int column, int columns)
    {
        var quants = place + column * Group;
        var scales = (float*)(place + columns * Group) + column;
        scales[0] = scales[columns] = scales[2 * columns] = scales[3 * columns] = scales[4 * columns] = scales[5 * columns] = 0;
        if (numbers == null)
        {
            new Span<byte>(quants, Group).Clear();
            return;
        }

        var x0 = Vector256.Load(numbers);
        var x1 = Vector256.Load(numbers + 8);
        var x2 = Vector256.Load(numbers + 16);
        var x3 = Vector256.Load(numbers + 24);
        var largest = Largest(Vector256.Max(
            Vector256.Max(Vector256.Abs(x0), Vector256.Abs(x1)),
            Vector256.Max(Vector256.Abs(x2), Vector256.Abs(x3))));

        // A number that is not finite makes the scale so, and with it every result that it enters.
        var inverse = largest >= Smallest ? 127 / largest : 0;
        var q0 = Round(x0 * inverse);
        var q1 = Round(x1 * inverse);
        var q2 = Round(x2 * inverse);
        var q3 = Round(x3 * inverse);
        Vector256.Narrow(Vector256.Narrow(q0, q1), Vector256.Narrow(q2, q3)).StoreUnsafe(ref *(sbyte*)quants);

        var scale = largest / 127;
        var (first, second) = (Vector256.Sum(q0 + q1), Vector256.Sum(q2 + q3));
        scales[0] = scale;
        scales[columns] = scale * (first + second);
        scales[2 * columns] = scale * first;
        ((int*)scales)[3 * columns] = -128 * (first + second);
        ((int*)scales)[4 * columns] = -32 * first;
        ((int*)scales)[5 * columns] = -32 * second;
    }

    // Vector256.Max hands on a number that is not one.
    private static float Largest(Vector256<float> values)
    {
        var four = Vector128.Max(values.GetLower(), values.GetUpper());
        var two = Vector128.Max(four, Vector128.Shuffle(four, Vector128.Create(2, 3, 0, 1)));
        return Vector128.Max(two, Vector128.Shuffle(two, Vector128.Create(1, 0, 3, 2)))[0];
    }

    // Within ±127 whatever comes in: −128 would overflow the 16-bit sums of a product.
    private static Vector256<int> Round(Vector256<float> values)
    {
        var rounded = Vector256.ConvertToInt32(Vector256.Round(values));
        return Vector256.Min(Vector256.Max(rounded, Vector256.Create(-127)), Vector256.Create(127));
    }
}
