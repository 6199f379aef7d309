using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace EmbeddedLlm.Cpu.Lanes;

/// <summary>Functions over whole registers and over rows of floats.</summary>
internal static unsafe class LaneMath
{
    /// <summary>
    /// Whether multiply-adds round once. Decided by the processor alone: an estimate may differ between compilations of one method, and a fused one
    /// without hardware is a call for each lane.
    /// </summary>
    public static bool HasFusedMultiplyAdd
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Fma.IsSupported || AdvSimd.IsSupported;
    }

    /// <summary>
    /// e^x with a relative error below 2e-7; 0 below −87, e^88 above 88.
    /// x = n · ln 2 + r with |r| ≤ ln 2 / 2, then e^x = 2^n · (1 + r + r²/2! + … + r⁷/7!).
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Exp<T>(T x) where T : unmanaged, ILanes<T>
    {
        var bounded = T.Max(T.Fill(-87), T.Min(T.Fill(88), x));
        var n = T.Round(bounded * T.Fill(1.44269504f));

        // ln 2 in two parts, the first short enough that n · part is exact.
        var r = T.MultiplyAdd(n, T.Fill(-0.693359375f), bounded);
        r = T.MultiplyAdd(n, T.Fill(2.12194440e-4f), r);

        var e = T.MultiplyAdd(r, T.Fill(1f / 5040), T.Fill(1f / 720));
        e = T.MultiplyAdd(e, r, T.Fill(1f / 120));
        e = T.MultiplyAdd(e, r, T.Fill(1f / 24));
        e = T.MultiplyAdd(e, r, T.Fill(1f / 6));
        e = T.MultiplyAdd(e, r, T.Fill(0.5f));
        e = T.MultiplyAdd(e, r, T.Fill(1));
        e = T.MultiplyAdd(e, r, T.Fill(1));
        return T.ZeroWhereBelow(e * T.PowerOfTwo(n), x, -87);
    }

    /// <summary>tanh x with a relative error below 1e-6: <c>1 − 2 / (e^2x + 1)</c>, and a series near 0, where that would cancel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Tanh<T>(T x) where T : unmanaged, ILanes<T>
    {
        var far = T.Fill(1) - T.Fill(2) / (Exp(x + x) + T.Fill(1));

        // x − x³/3 + 2x⁵/15 − 17x⁷/315 + 62x⁹/2835
        var bounded = T.Max(T.Fill(-1), T.Min(T.Fill(1), x));
        var square = bounded * bounded;
        var near = T.MultiplyAdd(square, T.Fill(62f / 2835), T.Fill(-17f / 315));
        near = T.MultiplyAdd(near, square, T.Fill(2f / 15));
        near = T.MultiplyAdd(near, square, T.Fill(-1f / 3));
        near = T.MultiplyAdd(near * square, bounded, bounded);

        var size = T.Abs(x);
        return T.ZeroWhereBelow(far, size, 0.3f) + (near - T.ZeroWhereBelow(near, size, 0.3f));
    }

    /// <summary>Asks for the cache line of an address, which need not be valid; nothing where the instruction set cannot.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch(byte* address)
    {
        if (Sse.IsSupported)
            Sse.Prefetch0(address);
    }

    /// <summary>Reads the last <paramref name="count"/> &lt; <c>T.Count</c> floats of a row; the other lanes are 0.</summary>
    public static T LoadPart<T>(float* source, int count) where T : unmanaged, ILanes<T>
    {
        var part = T.Fill(0);
        Unsafe.CopyBlockUnaligned(&part, source, (uint)count * sizeof(float));
        return part;
    }

    /// <summary>Writes the first <paramref name="count"/> &lt; <c>T.Count</c> lanes.</summary>
    public static void StorePart<T>(T value, float* target, int count) where T : unmanaged, ILanes<T> =>
        Unsafe.CopyBlockUnaligned(target, &value, (uint)count * sizeof(float));
}
