using System.Runtime.CompilerServices;
using EmbeddedLlm.Cpu.Lanes;

namespace EmbeddedLlm.Cpu.Kernels;

/// <summary>
/// Small float products for attention: <c>C [rows × columns] = C · factor + A [rows × depth] · B [depth × columns]</c>, all in the first-level cache.
/// Each number of C is one chain of multiply-adds in the order of depth, whatever stands beside it.
/// </summary>
internal static unsafe class TileProduct<TLanes> where TLanes : unmanaged, ILanes<TLanes>
{
    /// <summary>Does the product.</summary>
    /// <param name="a">[rows × depth], <paramref name="aStride"/> apart.</param>
    /// <param name="aStride">Floats from row to row of A.</param>
    /// <param name="b">[depth × columns].</param>
    /// <param name="bStride">Floats from row to row of B.</param>
    /// <param name="c">[rows × columns].</param>
    /// <param name="cStride">Floats from row to row of C.</param>
    /// <param name="factors">[rows] multiplies C first; null to begin from 0.</param>
    /// <param name="rows">Rows of A and C.</param>
    /// <param name="depth">Columns of A, rows of B.</param>
    /// <param name="columns">Columns of B and C; a multiple of <see cref="KvMemory.Padding"/>.</param>
    public static void Run(float* a, int aStride, float* b, int bStride, float* c, int cStride, float* factors, int rows, int depth, int columns)
    {
        var row = 0;
        for (; row <= rows - 4; row += 4, a += 4 * aStride, c += 4 * cStride)
        {
            for (var column = 0; column < columns; column += 2 * TLanes.Count)
                Four(a, aStride, b + column, bStride, c + column, cStride, factors is null ? null : factors + row, depth);
        }

        for (; row < rows; row++, a += aStride, c += cStride)
        {
            for (var column = 0; column < columns; column += 2 * TLanes.Count)
                One(a, b + column, bStride, c + column, factors is null ? null : factors + row, depth);
        }
    }

    // Four rows by two registers: eight sums hide the latency of the multiply-add.
    private static void Four(float* a, int aStride, float* b, int bStride, float* c, int cStride, float* factors, int depth)
    {
        float* a1 = a + aStride, a2 = a1 + aStride, a3 = a2 + aStride;
        float* c1 = c + cStride, c2 = c1 + cStride, c3 = c2 + cStride;
        TLanes c00, c01, c10, c11, c20, c21, c30, c31;
        if (factors is null)
        {
            c00 = c01 = c10 = c11 = c20 = c21 = c30 = c31 = TLanes.Fill(0);
        }
        else
        {
            (c00, c01) = Scaled(c, factors[0]);
            (c10, c11) = Scaled(c1, factors[1]);
            (c20, c21) = Scaled(c2, factors[2]);
            (c30, c31) = Scaled(c3, factors[3]);
        }

        for (var k = 0; k < depth; k++, b += bStride)
        {
            var b0 = TLanes.Load(b);
            var b1 = TLanes.Load(b + TLanes.Count);
            var x = TLanes.Fill(a[k]);
            c00 = TLanes.MultiplyAdd(x, b0, c00);
            c01 = TLanes.MultiplyAdd(x, b1, c01);
            x = TLanes.Fill(a1[k]);
            c10 = TLanes.MultiplyAdd(x, b0, c10);
            c11 = TLanes.MultiplyAdd(x, b1, c11);
            x = TLanes.Fill(a2[k]);
            c20 = TLanes.MultiplyAdd(x, b0, c20);
            c21 = TLanes.MultiplyAdd(x, b1, c21);
            x = TLanes.Fill(a3[k]);
            c30 = TLanes.MultiplyAdd(x, b0, c30);
            c31 = TLanes.MultiplyAdd(x, b1, c31);
        }

        c00.Store(c);
        c01.Store(c + TLanes.Count);
        c10.Store(c1);
        c11.Store(c1 + TLanes.Count);
        c20.Store(c2);
        c21.Store(c2 + TLanes.Count);
        c30.Store(c3);
        c31.Store(c3 + TLanes.Count);
    }

    private static void One(float* a, float* b, int bStride, float* c, float* factors, int depth)
    {
        var (c0, c1) = factors is null ? (TLanes.Fill(0), TLanes.Fill(0)) : Scaled(c, factors[0]);
        for (var k = 0; k < depth; k++, b += bStride)
        {
            var x = TLanes.Fill(a[k]);
            c0 = TLanes.MultiplyAdd(x, TLanes.Load(b), c0);
            c1 = TLanes.MultiplyAdd(x, TLanes.Load(b + TLanes.Count), c1);
        }

        c0.Store(c);
        c1.Store(c + TLanes.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (TLanes, TLanes) Scaled(float* c, float factor) =>
        (TLanes.Load(c) * TLanes.Fill(factor), TLanes.Load(c + TLanes.Count) * TLanes.Fill(factor));
}
