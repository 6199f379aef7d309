using System.Runtime.CompilerServices;
using EmbeddedLlm.Cpu.Tiers;

namespace EmbeddedLlm.Cpu.Panels;

/// <summary>
/// Brings all rows of a panel into it together: words of four bytes are gathered from the rows, one for each lane, and from then on whole registers move
/// their bits to where <see cref="PanelPacker"/> says. One method for each format; the results are those of the general way, byte for byte.
/// </summary>
/// <remarks>
/// All methods take the first row of the panel, the bytes and the blocks of a row, and the two parts of the panel. To <c>carries</c> [lanes] are joined
/// bits of which the one of 2^15 says that the row has a float (a scale) that is not finite: its exponent is all ones, so that adding the lowest bit carries into the one above.
/// </remarks>
internal static unsafe class RowTransposer<TTier, TInts, TFloats>
    where TTier : struct, ITier<TInts, TFloats>
    where TInts : struct
    where TFloats : struct
{
    // Exponents of a half in the lower bits of a word, in the upper, in both.
    private const uint LowHalf = 0x00007C00;
    private const uint HighHalf = 0x7C000000;
    private const uint BothHalves = HighHalf | LowHalf;
    private const uint Sign = 0x8000;

    // A word of every row.
    private static int Plane
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 4 * TTier.Rows;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void F32(byte* rows, nint stride, nint blocks, byte* scales, byte* quants, uint* carries)
    {
        TInts carry = default;
        for (; blocks > 0; blocks -= 4, rows += 16, quants += 4 * Plane)
        {
            TTier.Gather(rows, stride, out var a, out var b, out var c, out var d);
            Store(a, b, c, d, quants);
            Check(ref carry, a, 0x7F800000);
            Check(ref carry, b, 0x7F800000);
            Check(ref carry, c, 0x7F800000);
            Check(ref carry, d, 0x7F800000);
        }

        Finish(carry, carries);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void F16(byte* rows, nint stride, nint blocks, byte* scales, byte* quants, uint* carries) => Halves(rows, stride, blocks, quants, carries, BothHalves);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void BF16(byte* rows, nint stride, nint blocks, byte* scales, byte* quants, uint* carries) => Halves(rows, stride, blocks, quants, carries, 0x7F807F80);

    // d, then 16 bytes that stand in the file as they do in planes. Two blocks are nine words, of which the fifth has the last bytes of one and d of the other.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Q4_0(byte* rows, nint stride, nint blocks, byte* scales, byte* quants, uint* carries)
    {
        TInts carry = default;
        for (; blocks > 1; blocks -= 2, rows += 36, quants += 8 * Plane)
        {
            TTier.Gather(rows, stride, out var a, out var b, out var c, out var d);
            TTier.Gather(rows + 16, stride, out var e, out var f, out var g, out var h);
            Half(ref carry, a, ref scales);
            Store(Upper(a, b), Upper(b, c), Upper(c, d), Upper(d, e), quants);
            UpperHalf(ref carry, e, ref scales);
            Store(f, g, h, TTier.Gather(rows + 32, stride), quants + 4 * Plane);
        }

        if (blocks > 0)
        {
            Half(ref carry, TTier.Gather(rows, stride), ref scales);
            Words(rows + 2, stride, quants);
        }

        Finish(carry, carries);
    }

    // d, m, nibbles as in Q4_0.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Q4_1(byte* rows, nint stride, nint blocks, byte* scales, byte* quants, uint* carries)
    {
        TInts carry = default;
        for (; blocks > 0; blocks--, rows += 20, quants += 4 * Plane)
        {
            TTier.Gather(rows, stride, out var dm, out var a, out var b, out var c);
            Scales(ref carry, dm, Sign, ref scales);
            Store(a, b, c, TTier.Gather(rows + 16, stride), quants);
        }

        Finish(carry, carries);
    }

    // d, fifth bits, nibbles as in Q4_0.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Q5_0(byte* rows, nint stride, nint blocks, byte* scales, byte* quants, uint* carries)
    {
        TInts carry = default;
        for (; blocks > 0; blocks--, rows += 22, quants += 5 * Plane)
        {
            Half(ref carry, TTier.Gather(rows, stride), ref scales);
            TTier.Store(Steps(TTier.Gather(rows + 2, stride)), quants);
            Words(rows + 6, stride, quants + Plane);
        }

        Finish(carry, carries);
    }

    // d, m, fifth bits, nibbles as in Q4_0.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Q5_1(byte* rows, nint stride, nint blocks, byte* scales, byte* quants, uint* carries)
    {
        TInts carry = default;
        for (; blocks > 0; blocks--, rows += 24, quants += 5 * Plane)
        {
            Scales(ref carry, TTier.Gather(rows, stride), Sign, ref scales);
            TTier.Store(Steps(TTier.Gather(rows + 4, stride)), quants);
            Words(rows + 8, stride, quants + Plane);
        }

        Finish(carry, carries);
    }

    // d, 32 signed bytes.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Q8_0(byte* rows, nint stride, nint blocks, byte* scales, byte* quants, uint* carries)
    {
        TInts carry = default;
        for (; blocks > 0; blocks--, rows += 34, quants += 8 * Plane)
        {
            Half(ref carry, TTier.Gather(rows, stride), ref scales);
            Bytes(rows + 2, stride, quants);
            Bytes(rows + 18, stride, quants + 4 * Plane);
        }

        Finish(carry, carries);
    }

    // 16 bytes that hold scale and minimum as panels do, 64 of pairs, d, dmin.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Q2_K(byte* rows, nint stride, nint blocks, byte* scales, byte* quants, uint* carries)
    {
        TInts carry = default;
        for (; blocks > 0; blocks--, rows += 84)
        {
            Scales(ref carry, TTier.Gather(rows + 80, stride), 0, ref scales);
            Integers(rows, stride, ref scales);
            for (var half = 0; half < 2; half++, quants += 8 * Plane)
                Pairs(rows + 16 + 32 * half, stride, quants, 2 * Plane);
        }

        Finish(carry, carries);
    }

    // Third bits, pairs as in Q2_K, scales in 6 bits, d.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Q3_K(byte* rows, nint stride, nint blocks, byte* scales, byte* quants, uint* carries)
    {
        TInts carry = default;
        for (; blocks > 0; blocks--, rows += 110, quants += 24 * Plane)
        {
            UpperHalf(ref carry, TTier.Gather(rows + 106, stride), ref scales);
            TTier.Gather(rows + 92, stride, out _, out var low0, out var low1, out var upper);
            Less32(TTier.Or(TTier.And(low0, 0x0F0F0F0F), TTier.And(TTier.ShiftLeft(upper, 4), 0x30303030)), ref scales);
            Less32(TTier.Or(TTier.And(low1, 0x0F0F0F0F), TTier.And(TTier.ShiftLeft(upper, 2), 0x30303030)), ref scales);
            Less32(TTier.Or(TTier.And(TTier.ShiftRight(low0, 4), 0x0F0F0F0F), TTier.And(upper, 0x30303030)), ref scales);
            Less32(TTier.Or(TTier.And(TTier.ShiftRight(low1, 4), 0x0F0F0F0F), TTier.And(TTier.ShiftRight(upper, 2), 0x30303030)), ref scales);

            Pairs(rows + 32, stride, quants, 3 * Plane);
            Pairs(rows + 64, stride, quants + 12 * Plane, 3 * Plane);
            Singles(rows, stride, quants + 2 * Plane, 3 * Plane);
        }

        Finish(carry, carries);
    }

    // d, dmin, scales and minimums, 128 bytes of nibbles.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Q4_K(byte* rows, nint stride, nint blocks, byte* scales, byte* quants, uint* carries)
    {
        TInts carry = default;
        for (; blocks > 0; blocks--, rows += 144)
        {
            SixBitScales(ref carry, rows, stride, ref scales);
            for (var pair = 0; pair < 4; pair++, quants += 8 * Plane)
                Nibbles(rows + 16 + 32 * pair, stride, quants, quants + 4 * Plane);
        }

        Finish(carry, carries);
    }

    // As Q4_K, with 32 bytes of fifth bits before the nibbles.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Q5_K(byte* rows, nint stride, nint blocks, byte* scales, byte* quants, uint* carries)
    {
        TInts carry = default;
        for (; blocks > 0; blocks--, rows += 176, quants += 40 * Plane)
        {
            SixBitScales(ref carry, rows, stride, ref scales);
            Singles(rows + 16, stride, quants, 5 * Plane);
            for (var pair = 0; pair < 4; pair++)
                Nibbles(rows + 48 + 32 * pair, stride, quants + (10 * pair + 1) * Plane, quants + (10 * pair + 6) * Plane);
        }

        Finish(carry, carries);
    }

    // 128 bytes of nibbles, 64 of pairs, 16 scales, d.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Q6_K(byte* rows, nint stride, nint blocks, byte* scales, byte* quants, uint* carries)
    {
        TInts carry = default;
        for (; blocks > 0; blocks--, rows += 210)
        {
            UpperHalf(ref carry, TTier.Gather(rows + 206, stride), ref scales);
            Integers(rows + 192, stride, ref scales);
            for (var half = 0; half < 2; half++, quants += 24 * Plane)
            {
                Pairs(rows + 128 + 32 * half, stride, quants, 6 * Plane);
                Nibbles(rows + 64 * half, stride, quants + 2 * Plane, quants + 14 * Plane);
                Nibbles(rows + 64 * half + 32, stride, quants + 8 * Plane, quants + 20 * Plane);
            }
        }

        Finish(carry, carries);
    }

    // d, upper and lower bits of scales, 128 bytes of nibbles that stand in the file as they do in planes.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void IQ4_XS(byte* rows, nint stride, nint blocks, byte* scales, byte* quants, uint* carries)
    {
        TInts carry = default;
        for (; blocks > 0; blocks--, rows += 136)
        {
            var word = TTier.Gather(rows, stride);
            var low = TTier.Gather(rows + 4, stride);
            Half(ref carry, word, ref scales);
            Less32(TTier.Or(SpreadNibbles(low), TTier.ShiftLeft(SpreadPairs(TTier.ShiftRight(word, 16)), 4)), ref scales);
            Less32(TTier.Or(SpreadNibbles(TTier.ShiftRight(low, 16)), TTier.ShiftLeft(SpreadPairs(TTier.ShiftRight(word, 24)), 4)), ref scales);
            for (var group = 0; group < 8; group++, quants += 4 * Plane)
                Words(rows + 8 + 16 * group, stride, quants);
        }

        Finish(carry, carries);
    }

    // 64 bytes of pairs as in Q2_K, d.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void TQ2_0(byte* rows, nint stride, nint blocks, byte* scales, byte* quants, uint* carries)
    {
        TInts carry = default;
        for (; blocks > 0; blocks--, rows += 66)
        {
            UpperHalf(ref carry, TTier.Gather(rows + 62, stride), ref scales);
            for (var half = 0; half < 2; half++, quants += 8 * Plane)
                Pairs(rows + 32 * half, stride, quants, 2 * Plane);
        }

        Finish(carry, carries);
    }

    // The exponent of a power of two, nibbles as in Q4_0.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void MXFP4(byte* rows, nint stride, nint blocks, byte* scales, byte* quants, uint* carries)
    {
        for (; blocks > 0; blocks--, rows += 17, scales += 2 * TTier.Rows, quants += 4 * Plane)
        {
            // Brain floats of 2^(e − 128) have the bits (e − 1) · 128. Below the normal numbers 2^−127 has 64 and 2^−128 has 32: more than that by 64 and by 160.
            var e = TTier.And(TTier.Gather(rows, stride), 0xFF);
            var isTwoOrMore = TTier.ShiftRight(TTier.Add(e, TTier.Fill(254)), 8);
            var isOneOrMore = TTier.ShiftRight(TTier.Add(e, TTier.Fill(255)), 8);
            var less = TTier.Add(TTier.ShiftLeft(isTwoOrMore, 6), TTier.Add(TTier.ShiftLeft(isOneOrMore, 6), TTier.ShiftLeft(isOneOrMore, 5)));
            var bits = TTier.Add(TTier.Add(TTier.ShiftLeft(e, 7), TTier.Fill(-128 + 160 + 1)), TTier.Xor(less, uint.MaxValue));
            TTier.StoreHalves(bits, scales);
            Words(rows + 1, stride, quants);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Halves(byte* rows, nint stride, nint blocks, byte* quants, uint* carries, uint exponents)
    {
        TInts carry = default;
        for (; blocks > 0; blocks -= 8, rows += 16, quants += 4 * Plane)
        {
            TTier.Gather(rows, stride, out var a, out var b, out var c, out var d);
            Split(ref carry, a, exponents, quants);
            Split(ref carry, b, exponents, quants + Plane);
            Split(ref carry, c, exponents, quants + 2 * Plane);
            Split(ref carry, d, exponents, quants + 3 * Plane);
        }

        Finish(carry, carries);
    }

    // The halves of a word are neighbours in a row, so each goes to a column of its own.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Split(ref TInts carry, TInts word, uint exponents, byte* target)
    {
        Check(ref carry, word, exponents);
        TTier.StoreHalves(word, target);
        TTier.StoreHalves(TTier.ShiftRight(word, 16), target + Plane / 2);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Check(ref TInts carry, TInts word, uint exponents) =>
        carry = TTier.Or(carry, TTier.Add(TTier.And(word, exponents), TTier.Fill((int)(exponents & ~(exponents << 1)))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish(TInts carry, uint* carries) =>
        TTier.Store(TTier.Or(TTier.Load((byte*)carries), TTier.Or(carry, TTier.ShiftRight(carry, 16))), (byte*)carries);

    // A scale in the lower half of a word.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Half(ref TInts carry, TInts word, ref byte* scales)
    {
        Check(ref carry, word, LowHalf);
        TTier.StoreHalves(word, scales);
        scales += 2 * TTier.Rows;
    }

    // A scale in the upper half of a word.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void UpperHalf(ref TInts carry, TInts word, ref byte* scales)
    {
        Check(ref carry, word, HighHalf);
        TTier.StoreHalves(TTier.ShiftRight(word, 16), scales);
        scales += 2 * TTier.Rows;
    }

    // The four bytes that begin in the upper half of a word.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TInts Upper(TInts word, TInts next) => TTier.Or(TTier.ShiftRight(word, 16), TTier.ShiftLeft(next, 16));

    // The scale in the lower half of a word and the minimum in the upper, some bits of it turned over.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Scales(ref TInts carry, TInts word, uint turned, ref byte* scales)
    {
        Check(ref carry, word, BothHalves);
        TTier.StoreHalves(word, scales);
        TTier.StoreHalves(TTier.Xor(TTier.ShiftRight(word, 16), turned), scales + 2 * TTier.Rows);
        scales += Plane;
    }

    // 16 bytes, each one integer.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Integers(byte* rows, nint stride, ref byte* scales)
    {
        TTier.Gather(rows, stride, out var a, out var b, out var c, out var d);
        StoreBytes(a, scales, TTier.Rows);
        StoreBytes(b, scales + Plane, TTier.Rows);
        StoreBytes(c, scales + 2 * Plane, TTier.Rows);
        StoreBytes(d, scales + 3 * Plane, TTier.Rows);
        scales += 4 * Plane;
    }

    // The four bytes of each lane, less 32.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Less32(TInts word, ref byte* scales)
    {
        // Where bit 5 is not set it borrows from those above: 0 … 31 become 224 … 255.
        word = TTier.Xor(word, 0x20202020);
        var borrowed = TTier.And(word, 0x20202020);
        StoreBytes(TTier.Or(word, TTier.Or(TTier.ShiftLeft(borrowed, 1), TTier.ShiftLeft(borrowed, 2))), scales, TTier.Rows);
        scales += Plane;
    }

    // The lowest four nibbles of a lane become its bytes.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TInts SpreadNibbles(TInts word)
    {
        word = TTier.And(word, 0xFFFF);
        word = TTier.And(TTier.Or(word, TTier.ShiftLeft(word, 8)), 0x00FF00FF);
        return TTier.And(TTier.Or(word, TTier.ShiftLeft(word, 4)), 0x0F0F0F0F);
    }

    // The lowest four pairs of bits of a lane become its bytes.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TInts SpreadPairs(TInts word)
    {
        word = TTier.And(word, 0xFF);
        word = TTier.And(TTier.Or(word, TTier.ShiftLeft(word, 12)), 0x000F000F);
        return TTier.And(TTier.Or(word, TTier.ShiftLeft(word, 6)), 0x03030303);
    }

    // d, dmin, and scales and minimums in 12 bytes, see SixBitPairs. In a panel each scale stands before its minimum.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void SixBitScales(ref TInts carry, byte* rows, nint stride, ref byte* scales)
    {
        TTier.Gather(rows, stride, out var halves, out var scale, out var minimum, out var lower);
        Scales(ref carry, halves, 0, ref scales);
        StoreBytes(TTier.And(scale, 0x3F3F3F3F), scales, 2 * TTier.Rows);
        StoreBytes(TTier.And(minimum, 0x3F3F3F3F), scales + TTier.Rows, 2 * TTier.Rows);
        scales += 2 * Plane;
        StoreBytes(TTier.Or(TTier.And(lower, 0x0F0F0F0F), TTier.And(TTier.ShiftRight(scale, 2), 0x30303030)), scales, 2 * TTier.Rows);
        StoreBytes(TTier.Or(TTier.And(TTier.ShiftRight(lower, 4), 0x0F0F0F0F), TTier.And(TTier.ShiftRight(minimum, 2), 0x30303030)), scales + TTier.Rows, 2 * TTier.Rows);
        scales += 2 * Plane;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreBytes(TInts word, byte* target, int distance)
    {
        TTier.StoreBytes(word, target);
        TTier.StoreBytes(TTier.ShiftRight(word, 8), target + distance);
        TTier.StoreBytes(TTier.ShiftRight(word, 16), target + 2 * distance);
        TTier.StoreBytes(TTier.ShiftRight(word, 24), target + 3 * distance);
    }

    // 16 bytes as they stand.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Words(byte* rows, nint stride, byte* quants)
    {
        TTier.Gather(rows, stride, out var a, out var b, out var c, out var d);
        Store(a, b, c, d, quants);
    }

    // 16 signed bytes, counted from −128.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Bytes(byte* rows, nint stride, byte* quants)
    {
        TTier.Gather(rows, stride, out var a, out var b, out var c, out var d);
        Store(TTier.Xor(a, 0x80808080), TTier.Xor(b, 0x80808080), TTier.Xor(c, 0x80808080), TTier.Xor(d, 0x80808080), quants);
    }

    // 32 bytes with one group in the low nibbles and one in the high ones: their second halves change places.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Nibbles(byte* rows, nint stride, byte* low, byte* high)
    {
        TTier.Gather(rows, stride, out var a0, out var a1, out var a2, out var a3);
        TTier.Gather(rows + 16, stride, out var b0, out var b1, out var b2, out var b3);
        Exchange(ref a0, ref b0, 4, 0x0F0F0F0F);
        Exchange(ref a1, ref b1, 4, 0x0F0F0F0F);
        Exchange(ref a2, ref b2, 4, 0x0F0F0F0F);
        Exchange(ref a3, ref b3, 4, 0x0F0F0F0F);
        Store(a0, a1, a2, a3, low);
        Store(b0, b1, b2, b3, high);
    }

    // 32 bytes with a pair of bits of each of four groups: two planes to a group, the groups some distance apart.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Pairs(byte* rows, nint stride, byte* quants, int distance)
    {
        for (var half = 0; half < 2; half++)
        {
            TTier.Gather(rows + 16 * half, stride, out var a, out var b, out var c, out var d);
            TransposePairs(ref a, ref b, ref c, ref d);
            TTier.Store(a, quants + half * Plane);
            TTier.Store(b, quants + half * Plane + distance);
            TTier.Store(c, quants + half * Plane + 2 * distance);
            TTier.Store(d, quants + half * Plane + 3 * distance);
        }
    }

    // 32 bytes with a bit of each of eight groups: one plane to a group, the groups some distance apart.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Singles(byte* rows, nint stride, byte* quants, int distance)
    {
        TTier.Gather(rows, stride, out var a, out var b, out var c, out var d);
        TTier.Gather(rows + 16, stride, out var e, out var f, out var g, out var h);
        Exchange(ref a, ref b, 1, 0x55555555);
        Exchange(ref c, ref d, 1, 0x55555555);
        Exchange(ref e, ref f, 1, 0x55555555);
        Exchange(ref g, ref h, 1, 0x55555555);
        TransposePairs(ref a, ref c, ref e, ref g);
        TransposePairs(ref b, ref d, ref f, ref h);
        TTier.Store(a, quants);
        TTier.Store(b, quants + distance);
        TTier.Store(c, quants + 2 * distance);
        TTier.Store(d, quants + 3 * distance);
        TTier.Store(e, quants + 4 * distance);
        TTier.Store(f, quants + 5 * distance);
        TTier.Store(g, quants + 6 * distance);
        TTier.Store(h, quants + 7 * distance);
    }

    // Pair i of word j changes places with pair j of word i, in every byte.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TransposePairs(ref TInts a, ref TInts b, ref TInts c, ref TInts d)
    {
        Exchange(ref a, ref b, 2, 0x33333333);
        Exchange(ref c, ref d, 2, 0x33333333);
        Exchange(ref a, ref c, 4, 0x0F0F0F0F);
        Exchange(ref b, ref d, 4, 0x0F0F0F0F);
    }

    // The bits of one word above the mask change places with those of the other below it.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Exchange(ref TInts one, ref TInts other, int count, uint mask)
    {
        var first = one;
        one = TTier.Or(TTier.And(one, mask), TTier.And(TTier.ShiftLeft(other, count), ~mask));
        other = TTier.Or(TTier.And(TTier.ShiftRight(first, count), mask), TTier.And(other, ~mask));
    }

    // From bit 4l + p to bit l of byte p, for steps l and places p: four exchanges of two bits of the bit's number.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TInts Steps(TInts bits)
    {
        bits = Move(bits, 14, 0x0000CCCC);
        bits = Move(bits, 7, 0x00AA00AA);
        bits = Move(bits, 2, 0x0C0C0C0C);
        return Move(bits, 1, 0x22222222);
    }

    // The masked bits change places with those that stand so much higher.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TInts Move(TInts bits, int count, uint mask) => TTier.Or(
        TTier.And(bits, ~(mask | mask << count)),
        TTier.Or(TTier.ShiftLeft(TTier.And(bits, mask), count), TTier.And(TTier.ShiftRight(bits, count), mask)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(TInts a, TInts b, TInts c, TInts d, byte* target)
    {
        TTier.Store(a, target);
        TTier.Store(b, target + Plane);
        TTier.Store(c, target + 2 * Plane);
        TTier.Store(d, target + 3 * Plane);
    }
}
