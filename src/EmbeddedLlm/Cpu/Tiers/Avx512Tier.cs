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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch(byte* address) => Sse.Prefetch0(address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Load(byte* source) => Vector512.Load((int*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> And(Vector512<int> value, uint mask) => value & Vector512.Create((int)mask);

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
}
