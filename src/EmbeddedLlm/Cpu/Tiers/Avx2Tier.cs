using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace EmbeddedLlm.Cpu.Tiers;

/// <summary>AVX2 with FMA: 8 rows.</summary>
internal readonly unsafe struct Avx2Tier : ITier<Vector256<int>, Vector256<float>>
{
    public static bool IsSupported => Avx2.IsSupported && Fma.IsSupported;

    public static int Rows => 8;

    public static int MaxColumns => 4;

    public static bool TakesBytes => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch(byte* address) => Sse.Prefetch0(address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Load(byte* source) => Vector256.Load((int*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Gather(byte* rows, nint stride) => Vector256.Create(Four(rows, stride), Four(rows + 4 * stride, stride));

    // Rows i and 4 + i stand in one register, so that transposing four by four inside its halves brings all eight into order.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Gather(byte* rows, nint stride, out Vector256<int> a, out Vector256<int> b, out Vector256<int> c, out Vector256<int> d)
    {
        var r0 = Two(rows, 4 * stride);
        var r1 = Two(rows + stride, 4 * stride);
        var r2 = Two(rows + 2 * stride, 4 * stride);
        var r3 = Two(rows + 3 * stride, 4 * stride);
        var ab02 = Avx2.UnpackLow(r0, r2);
        var ab13 = Avx2.UnpackLow(r1, r3);
        var cd02 = Avx2.UnpackHigh(r0, r2);
        var cd13 = Avx2.UnpackHigh(r1, r3);
        a = Avx2.UnpackLow(ab02, ab13);
        b = Avx2.UnpackHigh(ab02, ab13);
        c = Avx2.UnpackLow(cd02, cd13);
        d = Avx2.UnpackHigh(cd02, cd13);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<int> value, byte* target) => value.Store((int*)target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreHalves(Vector256<int> value, byte* target) => Vector128.Narrow(value.GetLower(), value.GetUpper()).Store((short*)target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBytes(Vector256<int> value, byte* target)
    {
        var halves = Vector128.Narrow(value.GetLower(), value.GetUpper());
        *(long*)target = Vector128.Narrow(halves, halves).AsInt64()[0];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> And(Vector256<int> value, uint mask) => value & Vector256.Create((int)mask);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Xor(Vector256<int> value, uint mask) => value ^ Vector256.Create((int)mask);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Or(Vector256<int> left, Vector256<int> right) => left | right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> ShiftLeft(Vector256<int> value, int count) => value << count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> ShiftRight(Vector256<int> value, int count) => value >>> count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> LoadTable(Vector128<byte> table) => Vector256.Create(table, table).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Lookup(Vector256<int> table, Vector256<int> indices) => Avx2.Shuffle(table.AsByte(), indices.AsByte()).AsInt32();

    // vpmaddubsw: bytes 0, 1 and bytes 2, 3 of a lane become two 16-bit sums, w0·y0 + w1·y1 and w2·y2 + w3·y3.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Dot(Vector256<int> partial, Vector256<int> weights, sbyte* column) =>
        (partial.AsInt16() + Avx2.MultiplyAddAdjacent(weights.AsByte(), Vector256.Create(*(int*)column).AsSByte())).AsInt32();

    // vpmaddwd: the two 16-bit sums of a lane, each times the factor's 16 bits at its place, added to one 32-bit sum.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Fold(Vector256<int> partial, Vector256<int> factor) => Avx2.MultiplyAddAdjacent(partial.AsInt16(), factor.AsInt16());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> ToFactor(Vector256<int> integers) => (integers << 16) | (integers & Vector256.Create(0xFFFF));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Add(Vector256<int> left, Vector256<int> right) => left + right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Fill(int value) => Vector256.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> LoadBytes(byte* source) => Avx2.ConvertToVector256Int32((sbyte*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> ToFloats(Vector256<int> integers) => Vector256.ConvertToSingle(integers);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LoadSingles(byte* source) => Vector256.Load((float*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LoadHalves(byte* source) => HalfBits.ToSingles(Avx2.ConvertToVector256Int32((short*)source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LoadBrains(byte* source) => (Avx2.ConvertToVector256Int32((short*)source) << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Fill(float value) => Vector256.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Multiply(Vector256<float> left, Vector256<float> right) => left * right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> MultiplyAdd(Vector256<float> left, Vector256<float> right, Vector256<float> sum) => Vector256.FusedMultiplyAdd(left, right, sum);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Add(Vector256<float> left, Vector256<float> right) => left + right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<float> value, float* target) => value.Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Four(byte* rows, nint stride) =>
        Vector128.Create(*(int*)rows, *(int*)(rows + stride), *(int*)(rows + 2 * stride), *(int*)(rows + 3 * stride));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Two(byte* rows, nint stride) => Vector256.Create(Vector128.Load((int*)rows), Vector128.Load((int*)(rows + stride)));
}
