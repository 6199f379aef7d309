using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;

namespace EmbeddedLlm.Cpu.Tiers;

/// <summary>Arm with dot product instructions (Armv8.2 and later): 4 rows.</summary>
internal readonly unsafe struct AdvSimdTier : ITier<Vector128<int>, Vector128<float>>
{
    public static bool IsSupported => Dp.IsSupported;

    public static int Rows => 4;

    public static int MaxColumns => 8;

    public static bool TakesBytes => false;

    public static void Prefetch(byte* address)
    {
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Load(byte* source) => Vector128.Load((int*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Gather(byte* rows, nint stride) =>
        Vector128.Create(*(int*)rows, *(int*)(rows + stride), *(int*)(rows + 2 * stride), *(int*)(rows + 3 * stride));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Gather(byte* rows, nint stride, out Vector128<int> a, out Vector128<int> b, out Vector128<int> c, out Vector128<int> d)
    {
        a = Gather(rows, stride);
        b = Gather(rows + 4, stride);
        c = Gather(rows + 8, stride);
        d = Gather(rows + 12, stride);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector128<int> value, byte* target) => value.Store((int*)target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreHalves(Vector128<int> value, byte* target) => *(long*)target = Vector128.Narrow(value, value).AsInt64()[0];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBytes(Vector128<int> value, byte* target)
    {
        var halves = Vector128.Narrow(value, value);
        *(int*)target = Vector128.Narrow(halves, halves).AsInt32()[0];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> And(Vector128<int> value, uint mask) => value & Vector128.Create((int)mask);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Xor(Vector128<int> value, uint mask) => value ^ Vector128.Create((int)mask);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Or(Vector128<int> left, Vector128<int> right) => left | right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> ShiftLeft(Vector128<int> value, int count) => value << count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> ShiftRight(Vector128<int> value, int count) => value >>> count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> LoadTable(Vector128<byte> table) => table.AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Lookup(Vector128<int> table, Vector128<int> indices) => AdvSimd.Arm64.VectorTableLookup(table.AsByte(), indices.AsByte()).AsInt32();

    // sdot: the four products of a lane are added to its 32-bit sum. Weights are below 128, so that signed bytes hold them.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Dot(Vector128<int> partial, Vector128<int> weights, sbyte* column) =>
        Dp.DotProduct(partial, weights.AsSByte(), Vector128.Create(*(int*)column).AsSByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Fold(Vector128<int> partial, Vector128<int> factor) => partial * factor;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> ToFactor(Vector128<int> integers) => integers;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Add(Vector128<int> left, Vector128<int> right) => left + right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Fill(int value) => Vector128.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> LoadBytes(byte* source)
    {
        var bytes = Vector128.CreateScalarUnsafe(*(int*)source).AsSByte();
        return Vector128.WidenLower(Vector128.WidenLower(bytes));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> ToFloats(Vector128<int> integers) => Vector128.ConvertToSingle(integers);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> LoadSingles(byte* source) => Vector128.Load((float*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> LoadHalves(byte* source) => HalfBits.ToSingles(Widen(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> LoadBrains(byte* source) => (Widen(source) << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Fill(float value) => Vector128.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Multiply(Vector128<float> left, Vector128<float> right) => left * right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> MultiplyAdd(Vector128<float> left, Vector128<float> right, Vector128<float> sum) => Vector128.FusedMultiplyAdd(left, right, sum);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Add(Vector128<float> left, Vector128<float> right) => left + right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector128<float> value, float* target) => value.Store(target);

    private static Vector128<int> Widen(byte* source) => Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(long*)source).AsInt16());
}
