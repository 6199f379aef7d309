using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using EmbeddedLlm.Cpu.Tiers;

namespace EmbeddedLlm.Cpu.Panels;

/// <summary>
/// A panel of integers times some columns: for every lane (row) and column the sum over groups of
/// <c>Scale · columnScale · Σ groupScale · quant · column + Minimum · columnSum</c>. The inner sum is exact.
/// </summary>
/// <remarks>
/// A group has 32 numbers, so 8 steps of four. Step l of the first half (numbers 4l … 4l+3) and step l of the second half (16+4l … 16+4l+3) are
/// multiplied together: they stand in the low and high bits of the same bytes (see <see cref="PanelPacker"/>).
/// Every column has its own sums and the order of additions is fixed, so a result does not depend on how many columns there are.
/// </remarks>
internal static unsafe class IntegerProduct<TTier, TInts, TFloats, TShape, TColumns>
    where TTier : struct, ITier<TInts, TFloats>
    where TInts : struct
    where TFloats : struct
    where TShape : struct, IPanelShape
    where TColumns : struct, IColumns
{
    private const int Group = PanelShape.GroupColumns;

    // Partial sums may have 16 bits, which is enough for 8 steps of 4-bit weights, 4 of 5-bit and 2 of 6-bit weights; then they are folded. With 16 numbers
    // to an integer scale the halves are folded apart. Where sums are so short a byte is taken as two nibbles, summed apart and folded with 1 and 16.
    private static bool HasTwoSums
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TShape.GroupLength == 16 || ((TShape.Bits != 4 || HasLevels) && !TTier.TakesBytes);
    }

    private static bool TakesBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TShape.Bits == 8 && TTier.TakesBytes;
    }

    private static bool HasLevels
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TShape.LevelBits != 0;
    }

    // Where sums are short levels of 8 bits are taken as two nibbles like bytes, first those of the low nibbles of all quants, which are the first half of a group.
    private static bool HasWideLevels
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TShape.LevelBits == 8 && !TTier.TakesBytes;
    }

    // Quants of all lanes in a group.
    private static int PlaneBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Group / 8 * TShape.Bits * TTier.Rows;
    }

    private static int Folds
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (TShape.Bits == 6 && !TTier.TakesBytes) || (HasWideLevels && TShape.GroupLength == 16) ? 2 : 1;
    }

    private static int Steps
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TShape.Bits == 8 || HasWideLevels ? 8 : 4;
    }

    private static int SecondHalf
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TShape.Bits == 8 || HasWideLevels ? 0 : 16;
    }

    /// <summary>Multiplies.</summary>
    /// <param name="scales">The scales of the panel.</param>
    /// <param name="quants">The quants of the panel.</param>
    /// <param name="columns">Columns packed by <see cref="ActivationPacker.PackIntegers"/>, <c>TColumns.Count</c> to a tile.</param>
    /// <param name="sums">[columns × lanes] results, added to what is there.</param>
    /// <param name="width">Numbers in a row.</param>
    /// <param name="offset">What is subtracted from a quant in shapes without minimums.</param>
    /// <param name="ahead">Memory that will be needed next, asked for little by little.</param>
    /// <param name="aheadBytes">How much of it, at most as much as the panel has.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(byte* scales, byte* quants, byte* columns, float* sums, int width, int offset, byte* ahead, nint aheadBytes)
    {
        TFloats a0 = Load(sums, 0), a1 = default, a2 = default, a3 = default, a4 = default, a5 = default, a6 = default, a7 = default;
        if (TColumns.Count > 1)
            a1 = Load(sums, 1);
        if (TColumns.Count > 2)
        {
            a2 = Load(sums, 2);
            a3 = Load(sums, 3);
        }

        if (TColumns.Count > 4)
        {
            a4 = Load(sums, 4);
            a5 = Load(sums, 5);
            a6 = Load(sums, 6);
            a7 = Load(sums, 7);
        }

        TInts table = default, highTable = default;
        if (HasLevels)
        {
            var levels = Vector128.Create(TShape.Levels);
            table = TTier.LoadTable(HasWideLevels ? levels & Vector128.Create((byte)15) : levels);
            highTable = TTier.LoadTable(levels >>> 4);
        }

        // A part for each group.
        var stride = aheadBytes / (width / Group);
        for (var block = width / TShape.BlockLength; block > 0; block--)
        {
            var scale = TShape.ScaleBits switch
            {
                16 => TTier.LoadHalves(scales),
                17 => TTier.LoadBrains(scales),
                _ => TTier.LoadSingles(scales),
            };
            scales += TShape.ScaleBits / 16 * 2 * TTier.Rows;
            var minimumScale = TTier.Multiply(scale, TTier.Fill((float)-offset));
            if (TShape.HasMinimums)
            {
                minimumScale = TTier.Multiply(TTier.LoadHalves(scales), TTier.Fill(-1f));
                scales += 2 * TTier.Rows;
            }

            for (var group = TShape.BlockLength / Group; group > 0; group--)
            {
                ReadScales(ref scales, minimumScale, out var factor0, out var factor1, out var minimum, out var difference);
                for (var line = 0; line <= PlaneBytes; line += PanelMatrix.CacheLine)
                    TTier.Prefetch(ahead + line);
                ahead += stride;
                ReadPlanes(ref quants, out var high0, out var high1, out var bit);

                TInts i0 = default, i1 = default, i2 = default, i3 = default, i4 = default, i5 = default, i6 = default, i7 = default;
                var y = (sbyte*)columns;
                for (var fold = Folds; fold > 0; fold--)
                {
                    TInts s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default, s6 = default, s7 = default;
                    TInts t0 = default, t1 = default, t2 = default, t3 = default, t4 = default, t5 = default, t6 = default, t7 = default;
                    for (var step = Steps / Folds; step > 0; step--)
                    {
                        TInts first, second;
                        if (HasWideLevels)
                            ReadLevels(ref quants, Folds == 2 ? fold == 2 : step > 4, table, highTable, out first, out second);
                        else
                            ReadStep(ref quants, table, ref high0, ref high1, ref bit, out first, out second);
                        Dot(ref s0, ref t0, first, second, y);
                        if (TColumns.Count > 1)
                            Dot(ref s1, ref t1, first, second, y + Group);
                        if (TColumns.Count > 2)
                        {
                            Dot(ref s2, ref t2, first, second, y + 2 * Group);
                            Dot(ref s3, ref t3, first, second, y + 3 * Group);
                        }

                        if (TColumns.Count > 4)
                        {
                            Dot(ref s4, ref t4, first, second, y + 4 * Group);
                            Dot(ref s5, ref t5, first, second, y + 5 * Group);
                            Dot(ref s6, ref t6, first, second, y + 6 * Group);
                            Dot(ref s7, ref t7, first, second, y + 7 * Group);
                        }

                        y += 4;
                        if (HasWideLevels && Folds == 1 && step == 5)
                            quants -= PlaneBytes;
                    }

                    var (low, high) = (factor0, factor1);
                    if (HasWideLevels)
                    {
                        var half = fold == Folds ? factor0 : factor1;
                        low = TTier.ToFactor(half);
                        high = TTier.ToFactor(TTier.ShiftLeft(half, 4));
                        if (fold == 2)
                            quants -= PlaneBytes;
                    }

                    Fold(ref i0, s0, t0, low, high);
                    if (TColumns.Count > 1)
                        Fold(ref i1, s1, t1, low, high);
                    if (TColumns.Count > 2)
                    {
                        Fold(ref i2, s2, t2, low, high);
                        Fold(ref i3, s3, t3, low, high);
                    }

                    if (TColumns.Count > 4)
                    {
                        Fold(ref i4, s4, t4, low, high);
                        Fold(ref i5, s5, t5, low, high);
                        Fold(ref i6, s6, t6, low, high);
                        Fold(ref i7, s7, t7, low, high);
                    }
                }

                var column = (float*)(columns + TColumns.Count * Group);
                Scale(ref a0, i0, scale, minimum, difference, column);
                if (TColumns.Count > 1)
                    Scale(ref a1, i1, scale, minimum, difference, column + 1);
                if (TColumns.Count > 2)
                {
                    Scale(ref a2, i2, scale, minimum, difference, column + 2);
                    Scale(ref a3, i3, scale, minimum, difference, column + 3);
                }

                if (TColumns.Count > 4)
                {
                    Scale(ref a4, i4, scale, minimum, difference, column + 4);
                    Scale(ref a5, i5, scale, minimum, difference, column + 5);
                    Scale(ref a6, i6, scale, minimum, difference, column + 6);
                    Scale(ref a7, i7, scale, minimum, difference, column + 7);
                }

                columns += TColumns.Count * ActivationPacker.IntegerGroupBytes;
            }
        }

        TTier.Store(a0, sums);
        if (TColumns.Count > 1)
            TTier.Store(a1, sums + TTier.Rows);
        if (TColumns.Count > 2)
        {
            TTier.Store(a2, sums + 2 * TTier.Rows);
            TTier.Store(a3, sums + 3 * TTier.Rows);
        }

        if (TColumns.Count > 4)
        {
            TTier.Store(a4, sums + 4 * TTier.Rows);
            TTier.Store(a5, sums + 5 * TTier.Rows);
            TTier.Store(a6, sums + 6 * TTier.Rows);
            TTier.Store(a7, sums + 7 * TTier.Rows);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TFloats Load(float* sums, int column) => TTier.LoadSingles((byte*)(sums + column * TTier.Rows));

    // The integer scales of the two sums; what the column's sum is multiplied by, and what the sum of its first half is multiplied by beyond that.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void ReadScales(ref byte* scales, TFloats minimumScale, out TInts factor0, out TInts factor1, out TFloats minimum, out TFloats difference)
    {
        difference = default;
        if (TShape.BlockLength == TShape.GroupLength)
        {
            factor0 = ToFactor(TTier.Fill(1));
            factor1 = ToFactor(TTier.Fill(TShape.Bits == 8 ? 16 : 1));
            minimum = minimumScale;
            return;
        }

        var scale0 = TTier.LoadBytes(scales);
        var minimum0 = scale0;
        scales += TTier.Rows;
        if (TShape.GroupLength == Group)
        {
            if (TShape.HasMinimums)
            {
                minimum0 = TTier.LoadBytes(scales);
                scales += TTier.Rows;
            }

            factor0 = factor1 = ToFactor(scale0);
            minimum = TTier.Multiply(TTier.ToFloats(minimum0), minimumScale);
            return;
        }

        var scale1 = TTier.LoadBytes(scales);
        var minimum1 = scale1;
        scales += TTier.Rows;
        if (TShape.HasMinimums)
        {
            minimum0 = TTier.And(TTier.ShiftRight(minimum0, 4), 15);
            minimum1 = TTier.And(TTier.ShiftRight(minimum1, 4), 15);
            scale0 = TTier.And(scale0, 15);
            scale1 = TTier.And(scale1, 15);
        }

        factor0 = ToFactor(scale0);
        factor1 = ToFactor(scale1);
        minimum = TTier.Multiply(TTier.ToFloats(minimum1), minimumScale);
        difference = TTier.MultiplyAdd(TTier.ToFloats(minimum0), minimumScale, TTier.Multiply(minimum, TTier.Fill(-1f)));
    }

    // With wide levels each half of a group makes its factors when its turn comes.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TInts ToFactor(TInts integers) => HasWideLevels ? integers : TTier.ToFactor(integers);

    // The planes of bits that stand before the nibbles of a group.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void ReadPlanes(ref byte* quants, out TInts high0, out TInts high1, out TInts bit)
    {
        high0 = high1 = bit = default;
        if (TShape.Bits is 2 or 3 or 6)
        {
            high0 = TTier.Load(quants);
            high1 = TTier.Load(quants + 4 * TTier.Rows);
            quants += 8 * TTier.Rows;
        }

        if (TShape.Bits is 3 or 5)
        {
            bit = TTier.Load(quants);
            quants += 4 * TTier.Rows;
        }
    }

    // The two nibbles of the levels of one step, as bytes.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void ReadLevels(ref byte* quants, bool isFirstHalf, TInts lowTable, TInts highTable, out TInts low, out TInts high)
    {
        var nibbles = TTier.Load(quants);
        quants += 4 * TTier.Rows;
        nibbles = TTier.And(isFirstHalf ? nibbles : TTier.ShiftRight(nibbles, 4), 0x0F0F0F0F);
        low = TTier.Lookup(lowTable, nibbles);
        high = TTier.Lookup(highTable, nibbles);
    }

    // The weights of one step, as bytes; the planes move on so that the next step's bits stand lowest.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void ReadStep(ref byte* quants, TInts table, ref TInts high0, ref TInts high1, ref TInts bit, out TInts first, out TInts second)
    {
        if (TShape.Bits is 2 or 3)
        {
            first = TTier.And(high0, 0x03030303);
            second = TTier.And(high1, 0x03030303);
        }
        else if (TakesBytes)
        {
            first = second = TTier.Load(quants);
            quants += 4 * TTier.Rows;
        }
        else
        {
            var nibbles = TTier.Load(quants);
            quants += 4 * TTier.Rows;
            first = TTier.And(nibbles, 0x0F0F0F0F);
            second = TTier.And(TTier.ShiftRight(nibbles, 4), 0x0F0F0F0F);
            if (HasLevels)
            {
                first = TTier.Lookup(table, first);
                second = TTier.Lookup(table, second);
            }
        }

        if (TShape.Bits == 6)
        {
            first = TTier.Or(first, TTier.And(TTier.ShiftLeft(high0, 4), 0x30303030));
            second = TTier.Or(second, TTier.And(TTier.ShiftLeft(high1, 4), 0x30303030));
        }

        if (TShape.Bits is 2 or 3 or 6)
        {
            high0 = TTier.ShiftRight(high0, 2);
            high1 = TTier.ShiftRight(high1, 2);
        }

        if (TShape.Bits == 3)
        {
            first = TTier.Or(first, TTier.And(TTier.ShiftLeft(bit, 2), 0x04040404));
            second = TTier.Or(second, TTier.And(TTier.ShiftRight(bit, 2), 0x04040404));
        }

        if (TShape.Bits == 5)
        {
            first = TTier.Or(first, TTier.And(TTier.ShiftLeft(bit, 4), 0x10101010));
            second = TTier.Or(second, TTier.And(bit, 0x10101010));
        }

        if (TShape.Bits is 3 or 5)
            bit = TTier.ShiftRight(bit, 1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Dot(ref TInts sum0, ref TInts sum1, TInts first, TInts second, sbyte* column)
    {
        sum0 = TTier.Dot(sum0, first, column);
        if (TakesBytes)
            return;
        if (HasTwoSums)
            sum1 = TTier.Dot(sum1, second, column + SecondHalf);
        else
            sum0 = TTier.Dot(sum0, second, column + SecondHalf);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Fold(ref TInts integer, TInts sum0, TInts sum1, TInts factor0, TInts factor1)
    {
        var folded = TTier.Fold(sum0, factor0);
        if (HasTwoSums)
            folded = TTier.Add(folded, TTier.Fold(sum1, factor1));
        integer = Folds == 1 ? folded : TTier.Add(integer, folded);
    }

    // Behind the quants of a tile stand, for each column: its scale, its sum, the sum of its first half.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Scale(ref TFloats sum, TInts integer, TFloats scale, TFloats minimum, TFloats difference, float* column)
    {
        sum = TTier.MultiplyAdd(TTier.Multiply(TTier.ToFloats(integer), TTier.Fill(column[0])), scale, sum);
        sum = TTier.MultiplyAdd(minimum, TTier.Fill(column[TColumns.Count]), sum);
        if (TShape.GroupLength == 16)
            sum = TTier.MultiplyAdd(difference, TTier.Fill(column[2 * TColumns.Count]), sum);
    }
}
