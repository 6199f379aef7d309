using System.Runtime.CompilerServices;
using EmbeddedLlm.Cpu.Tiers;

namespace EmbeddedLlm.Cpu.Panels;

/// <summary>A panel of floats times some columns of floats. Even and odd places of a row are summed apart, in order, then added.</summary>
internal static unsafe class FloatProduct<TTier, TInts, TFloats, TNumber, TColumns>
    where TTier : struct, ITier<TInts, TFloats>
    where TInts : struct
    where TFloats : struct
    where TNumber : struct, IPanelNumber
    where TColumns : struct, IColumns
{
    private static int Bytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TNumber.Bits == 32 ? 4 : 2;
    }

    /// <summary>Multiplies.</summary>
    /// <param name="scales">Not used.</param>
    /// <param name="numbers">The panel: [width × lanes].</param>
    /// <param name="columns">Columns packed by <see cref="ActivationPacker.PackFloats"/>: [width × TColumns.Count].</param>
    /// <param name="sums">[columns × lanes] results.</param>
    /// <param name="width">Numbers in a row.</param>
    /// <param name="offset">Not used.</param>
    /// <param name="ahead">Memory that will be needed next, asked for little by little.</param>
    /// <param name="aheadBytes">How much of it, at most as much as the panel has.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(byte* scales, byte* numbers, byte* columns, float* sums, int width, int offset, byte* ahead, nint aheadBytes)
    {
        TFloats a0 = default, a1 = default, a2 = default, a3 = default, a4 = default, a5 = default, a6 = default, a7 = default;
        TFloats b0 = default, b1 = default, b2 = default, b3 = default, b4 = default, b5 = default, b6 = default, b7 = default;
        var x = (float*)columns;
        var stride = aheadBytes / Math.Max(1, width / 2);
        for (var i = width / 2; i > 0; i--)
        {
            TTier.Prefetch(ahead);
            var even = Load(numbers);
            var odd = Load(numbers + Bytes * TTier.Rows);
            Step(ref a0, ref b0, even, odd, x);
            if (TColumns.Count > 1)
                Step(ref a1, ref b1, even, odd, x + 1);
            if (TColumns.Count > 2)
            {
                Step(ref a2, ref b2, even, odd, x + 2);
                Step(ref a3, ref b3, even, odd, x + 3);
            }

            if (TColumns.Count > 4)
            {
                Step(ref a4, ref b4, even, odd, x + 4);
                Step(ref a5, ref b5, even, odd, x + 5);
                Step(ref a6, ref b6, even, odd, x + 6);
                Step(ref a7, ref b7, even, odd, x + 7);
            }

            numbers += 2 * Bytes * TTier.Rows;
            ahead += stride;
            x += 2 * TColumns.Count;
        }

        Finish(a0, b0, numbers, x, width, sums);
        if (TColumns.Count > 1)
            Finish(a1, b1, numbers, x + 1, width, sums + TTier.Rows);
        if (TColumns.Count > 2)
        {
            Finish(a2, b2, numbers, x + 2, width, sums + 2 * TTier.Rows);
            Finish(a3, b3, numbers, x + 3, width, sums + 3 * TTier.Rows);
        }

        if (TColumns.Count > 4)
        {
            Finish(a4, b4, numbers, x + 4, width, sums + 4 * TTier.Rows);
            Finish(a5, b5, numbers, x + 5, width, sums + 5 * TTier.Rows);
            Finish(a6, b6, numbers, x + 6, width, sums + 6 * TTier.Rows);
            Finish(a7, b7, numbers, x + 7, width, sums + 7 * TTier.Rows);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TFloats Load(byte* numbers) => TNumber.Bits switch
    {
        16 => TTier.LoadHalves(numbers),
        17 => TTier.LoadBrains(numbers),
        _ => TTier.LoadSingles(numbers),
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step(ref TFloats a, ref TFloats b, TFloats even, TFloats odd, float* x)
    {
        a = TTier.MultiplyAdd(even, TTier.Fill(x[0]), a);
        b = TTier.MultiplyAdd(odd, TTier.Fill(x[TColumns.Count]), b);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish(TFloats a, TFloats b, byte* numbers, float* x, int width, float* sums)
    {
        if ((width & 1) != 0)
            a = TTier.MultiplyAdd(Load(numbers), TTier.Fill(x[0]), a);
        TTier.Store(TTier.Add(a, b), sums);
    }
}
