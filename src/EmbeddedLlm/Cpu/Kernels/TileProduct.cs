using System.Runtime.CompilerServices;
using EmbeddedLlm.Cpu.Lanes;
using EmbeddedLlm.Cpu.Panels;

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
    /// <param name="bStride">Numbers from row to row of B.</param>
    /// <param name="c">[rows × columns].</param>
    /// <param name="cStride">Floats from row to row of C.</param>
    /// <param name="factors">[rows] multiplies C first; null to begin from 0.</param>
    /// <param name="rows">Rows of A and C.</param>
    /// <param name="depth">Columns of A, rows of B.</param>
    /// <param name="columns">Columns of B and C; a multiple of <see cref="KvMemory.Padding"/>.</param>
    /// <param name="next">What will stand in the place of B next time, to be asked for meanwhile; need not be valid.</param>
    public static void Run<TNumber>(float* a, int aStride, byte* b, int bStride, float* c, int cStride, float* factors, int rows, int depth, int columns, byte* next)
        where TNumber : struct, ITileNumber<TLanes>
    {
        var row = 0;
        if (TLanes.Count == 16)     // only this width comes with 32 registers
        {
            for (; rows - row >= 8; row += 8)
                Rows<TNumber, Columns8>(a + row * aStride, aStride, b, bStride, c + row * cStride, cStride, factors is null ? null : factors + row, depth, columns, next);
        }

        for (; rows - row >= 4; row += 4)
            Rows<TNumber, Columns4>(a + row * aStride, aStride, b, bStride, c + row * cStride, cStride, factors is null ? null : factors + row, depth, columns, next);
        for (; rows - row >= 2; row += 2)
            Rows<TNumber, Columns2>(a + row * aStride, aStride, b, bStride, c + row * cStride, cStride, factors is null ? null : factors + row, depth, columns, next);
        if (row < rows)
            Rows<TNumber, Columns1>(a + row * aStride, aStride, b, bStride, c + row * cStride, cStride, factors is null ? null : factors + row, depth, columns, next);
    }

    private static void Rows<TNumber, TRows>(float* a, int aStride, byte* b, int bStride, float* c, int cStride, float* factors, int depth, int columns, byte* next)
        where TNumber : struct, ITileNumber<TLanes>
        where TRows : struct, IColumns
    {
        for (var column = 0; column < columns; column += 2 * TLanes.Count)
            Tile<TNumber, TRows>(a, aStride, b + column * TNumber.Bytes, (nint)bStride * TNumber.Bytes, c + column, cStride, factors, depth, next + column * TNumber.Bytes);
    }

    // TRows rows by two registers: with four rows or more, the sums hide the latency of the multiply-add.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile<TNumber, TRows>(float* a, int aStride, byte* b, nint bBytes, float* c, int cStride, float* factors, int depth, byte* next)
        where TNumber : struct, ITileNumber<TLanes>
        where TRows : struct, IColumns
    {
        TLanes c00 = default, c01 = default, c10 = default, c11 = default, c20 = default, c21 = default, c30 = default, c31 = default;
        TLanes c40 = default, c41 = default, c50 = default, c51 = default, c60 = default, c61 = default, c70 = default, c71 = default;
        if (factors is not null)
        {
            Begin(c, factors[0], ref c00, ref c01);
            if (TRows.Count > 1)
                Begin(c + cStride, factors[1], ref c10, ref c11);
            if (TRows.Count > 2)
            {
                Begin(c + 2 * cStride, factors[2], ref c20, ref c21);
                Begin(c + 3 * cStride, factors[3], ref c30, ref c31);
            }

            if (TRows.Count > 4)
            {
                Begin(c + 4 * cStride, factors[4], ref c40, ref c41);
                Begin(c + 5 * cStride, factors[5], ref c50, ref c51);
                Begin(c + 6 * cStride, factors[6], ref c60, ref c61);
                Begin(c + 7 * cStride, factors[7], ref c70, ref c71);
            }
        }

        float* a1 = a + aStride, a2 = a1 + aStride, a3 = a2 + aStride, a4 = a3 + aStride, a5 = a4 + aStride, a6 = a5 + aStride, a7 = a6 + aStride;
        for (nint k = 0; k < depth; k++)
        {
            var b0 = TNumber.Load(b);
            var b1 = TNumber.Load(b + TLanes.Count * TNumber.Bytes);
            b += bBytes;
            if (TNumber.Bytes == sizeof(ushort))        // floats come from the cache, or are too many to be in a hurry
            {
                LaneMath.Prefetch(next);
                next += bBytes;
            }

            Add(a[k], b0, b1, ref c00, ref c01);
            if (TRows.Count > 1)
                Add(a1[k], b0, b1, ref c10, ref c11);
            if (TRows.Count > 2)
            {
                Add(a2[k], b0, b1, ref c20, ref c21);
                Add(a3[k], b0, b1, ref c30, ref c31);
            }

            if (TRows.Count > 4)
            {
                Add(a4[k], b0, b1, ref c40, ref c41);
                Add(a5[k], b0, b1, ref c50, ref c51);
                Add(a6[k], b0, b1, ref c60, ref c61);
                Add(a7[k], b0, b1, ref c70, ref c71);
            }
        }

        End(c, c00, c01);
        if (TRows.Count > 1)
            End(c + cStride, c10, c11);
        if (TRows.Count > 2)
        {
            End(c + 2 * cStride, c20, c21);
            End(c + 3 * cStride, c30, c31);
        }

        if (TRows.Count > 4)
        {
            End(c + 4 * cStride, c40, c41);
            End(c + 5 * cStride, c50, c51);
            End(c + 6 * cStride, c60, c61);
            End(c + 7 * cStride, c70, c71);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Begin(float* c, float factor, ref TLanes c0, ref TLanes c1)
    {
        c0 = TLanes.Load(c) * TLanes.Fill(factor);
        c1 = TLanes.Load(c + TLanes.Count) * TLanes.Fill(factor);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(float a, TLanes b0, TLanes b1, ref TLanes c0, ref TLanes c1)
    {
        var x = TLanes.Fill(a);
        c0 = TLanes.MultiplyAdd(x, b0, c0);
        c1 = TLanes.MultiplyAdd(x, b1, c1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void End(float* c, TLanes c0, TLanes c1)
    {
        c0.Store(c);
        c1.Store(c + TLanes.Count);
    }
}
