using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace EmbeddedLlm.Cpu;

/// <summary>16-bit floats, sign-extended to 32 bits, as 32-bit floats. Exact where they are finite; infinities and NaNs come out as 65536 and more.</summary>
/// <remarks>
/// A half has 5 exponent and 10 fraction bits. Moved up by 13 it stands as a float that is too small by 2^112; denormals come out right as well.
/// Sign extension brings the sign to bit 31; the mask clears its copies in bits 28 … 30.
/// </remarks>
internal static class HalfBits
{
    private const int Mask = unchecked((int)0x8FFFE000);
    private const float Scale = 5192296858534827628530496329220096f;    // 2^112

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> ToSingles(Vector128<int> halves) => ((halves << 13) & Vector128.Create(Mask)).AsSingle() * Vector128.Create(Scale);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> ToSingles(Vector256<int> halves) => ((halves << 13) & Vector256.Create(Mask)).AsSingle() * Vector256.Create(Scale);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> ToSingles(Vector512<int> halves) => ((halves << 13) & Vector512.Create(Mask)).AsSingle() * Vector512.Create(Scale);
}
