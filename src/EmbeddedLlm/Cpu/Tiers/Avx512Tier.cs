using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace EmbeddedLlm.Cpu.Tiers;

/// <summary>AVX-512 with byte and word instructions: 16 rows.</summary>
internal readonly unsafe struct Avx512Tier : ITier<Vector512<int>, Vector512<float>>
{
    public static bool IsSupported => Avx512BW.IsSupported;

    public static int Rows => 16;

    public static int MaxColumns => 8;

    public static bool TakesBytes => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch(byte* address) => Sse.Prefetch0(address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Load(byte* source) => Vector512.Load((int*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Gather(byte* rows, nint stride) => Vector512.Create(
        Vector256.Create(Four(rows, stride), Four(rows + 4 * stride, stride)),
        Vector256.Create(Four(rows + 8 * stride, stride), Four(rows + 12 * stride, stride)));

    // Rows i, 4 + i, 8 + i, 12 + i stand in one register, so that transposing four by four inside its quarters brings all sixteen into order.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Gather(byte* rows, nint stride, out Vector512<int> a, out Vector512<int> b, out Vector512<int> c, out Vector512<int> d)
    {
        var r0 = Quarters(rows, 4 * stride);
        var r1 = Quarters(rows + stride, 4 * stride);
        var r2 = Quarters(rows + 2 * stride, 4 * stride);
        var r3 = Quarters(rows + 3 * stride, 4 * stride);
        var ab02 = Avx512F.UnpackLow(r0, r2);
        var ab13 = Avx512F.UnpackLow(r1, r3);
        var cd02 = Avx512F.UnpackHigh(r0, r2);
        var cd13 = Avx512F.UnpackHigh(r1, r3);
        a = Avx512F.UnpackLow(ab02, ab13);
        b = Avx512F.UnpackHigh(ab02, ab13);
        c = Avx512F.UnpackLow(cd02, cd13);
        d = Avx512F.UnpackHigh(cd02, cd13);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<int> value, byte* target) => value.Store((int*)target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreHalves(Vector512<int> value, byte* target) => Avx512F.ConvertToVector256Int16(value).Store((short*)target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBytes(Vector512<int> value, byte* target) => Avx512F.ConvertToVector128Byte(value).Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> And(Vector512<int> value, uint mask) => value & Vector512.Create((int)mask);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Xor(Vector512<int> value, uint mask) => value ^ Vector512.Create((int)mask);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Or(Vector512<int> left, Vector512<int> right) => left | right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> ShiftLeft(Vector512<int> value, int count) => value << count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> ShiftRight(Vector512<int> value, int count) => value >>> count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> LoadTable(Vector128<byte> table) => Vector512.Create(Vector256.Create(table, table), Vector256.Create(table, table)).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Lookup(Vector512<int> table, Vector512<int> indices) => Avx512BW.Shuffle(table.AsByte(), indices.AsByte()).AsInt32();

    // vpmaddubsw: bytes 0, 1 and bytes 2, 3 of a lane become two 16-bit sums, w0·y0 + w1·y1 and w2·y2 + w3·y3.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Dot(Vector512<int> partial, Vector512<int> weights, sbyte* column) =>
        (partial.AsInt16() + Avx512BW.MultiplyAddAdjacent(weights.AsByte(), Vector512.Create(*(int*)column).AsSByte())).AsInt32();

    // vpmaddwd: the two 16-bit sums of a lane, each times the factor's 16 bits at its place, added to one 32-bit sum.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Fold(Vector512<int> partial, Vector512<int> factor) => Avx512BW.MultiplyAddAdjacent(partial.AsInt16(), factor.AsInt16());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> ToFactor(Vector512<int> integers) => (integers << 16) | (integers & Vector512.Create(0xFFFF));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Add(Vector512<int> left, Vector512<int> right) => left + right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Fill(int value) => Vector512.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> LoadBytes(byte* source) => Avx512F.ConvertToVector512Int32(Vector128.Load((sbyte*)source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> ToFloats(Vector512<int> integers) => Vector512.ConvertToSingle(integers);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadSingles(byte* source) => Vector512.Load((float*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadHalves(byte* source) => HalfBits.ToSingles(Avx512F.ConvertToVector512Int32(Vector256.Load((short*)source)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadBrains(byte* source) => (Avx512F.ConvertToVector512Int32(Vector256.Load((short*)source)) << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Fill(float value) => Vector512.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Multiply(Vector512<float> left, Vector512<float> right) => left * right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> MultiplyAdd(Vector512<float> left, Vector512<float> right, Vector512<float> sum) => Vector512.FusedMultiplyAdd(left, right, sum);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Add(Vector512<float> left, Vector512<float> right) => left + right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> value, float* target) => value.Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Four(byte* rows, nint stride) =>
        Vector128.Create(*(int*)rows, *(int*)(rows + stride), *(int*)(rows + 2 * stride), *(int*)(rows + 3 * stride));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Quarters(byte* rows, nint stride) => Vector512.Create(
        Vector256.Create(Vector128.Load((int*)rows), Vector128.Load((int*)(rows + stride))),
        Vector256.Create(Vector128.Load((int*)(rows + 2 * stride)), Vector128.Load((int*)(rows + 3 * stride))));
}
