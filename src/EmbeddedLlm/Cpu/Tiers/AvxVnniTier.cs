using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace EmbeddedLlm.Cpu.Tiers;

/// <summary>AVX2 with the dot product of AVX-VNNI, for processors that have no AVX-512: 8 rows. All but the multiplications is <see cref="Avx2Tier"/>.</summary>
internal readonly unsafe struct AvxVnniTier : ITier<Vector256<int>, Vector256<float>>
{
    public static bool IsSupported => AvxVnni.IsSupported && Avx2Tier.IsSupported;

    public static int Rows => Avx2Tier.Rows;

    public static int MaxColumns => Avx2Tier.MaxColumns;

    public static bool TakesBytes => true;

    // vpdpbusd: the four products of a lane are added to its 32-bit sum.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Dot(Vector256<int> partial, Vector256<int> weights, sbyte* column) =>
        AvxVnni.MultiplyWideningAndAdd(partial, weights.AsByte(), Vector256.Create(*(int*)column).AsSByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Fold(Vector256<int> partial, Vector256<int> factor) => partial * factor;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> ToFactor(Vector256<int> integers) => integers;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch(byte* address) => Avx2Tier.Prefetch(address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Load(byte* source) => Avx2Tier.Load(source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Gather(byte* rows, nint stride) => Avx2Tier.Gather(rows, stride);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Gather(byte* rows, nint stride, out Vector256<int> a, out Vector256<int> b, out Vector256<int> c, out Vector256<int> d) => Avx2Tier.Gather(rows, stride, out a, out b, out c, out d);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<int> value, byte* target) => Avx2Tier.Store(value, target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreHalves(Vector256<int> value, byte* target) => Avx2Tier.StoreHalves(value, target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBytes(Vector256<int> value, byte* target) => Avx2Tier.StoreBytes(value, target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> And(Vector256<int> value, uint mask) => Avx2Tier.And(value, mask);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Xor(Vector256<int> value, uint mask) => Avx2Tier.Xor(value, mask);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Or(Vector256<int> left, Vector256<int> right) => Avx2Tier.Or(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> ShiftLeft(Vector256<int> value, int count) => Avx2Tier.ShiftLeft(value, count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> ShiftRight(Vector256<int> value, int count) => Avx2Tier.ShiftRight(value, count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> LoadTable(Vector128<byte> table) => Avx2Tier.LoadTable(table);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Lookup(Vector256<int> table, Vector256<int> indices) => Avx2Tier.Lookup(table, indices);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Add(Vector256<int> left, Vector256<int> right) => Avx2Tier.Add(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Fill(int value) => Avx2Tier.Fill(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> LoadBytes(byte* source) => Avx2Tier.LoadBytes(source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> ToFloats(Vector256<int> integers) => Avx2Tier.ToFloats(integers);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LoadSingles(byte* source) => Avx2Tier.LoadSingles(source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LoadHalves(byte* source) => Avx2Tier.LoadHalves(source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LoadBrains(byte* source) => Avx2Tier.LoadBrains(source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Fill(float value) => Avx2Tier.Fill(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Multiply(Vector256<float> left, Vector256<float> right) => Avx2Tier.Multiply(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> MultiplyAdd(Vector256<float> left, Vector256<float> right, Vector256<float> sum) => Avx2Tier.MultiplyAdd(left, right, sum);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Add(Vector256<float> left, Vector256<float> right) => Avx2Tier.Add(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<float> value, float* target) => Avx2Tier.Store(value, target);
}
