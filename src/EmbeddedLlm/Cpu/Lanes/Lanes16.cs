using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace EmbeddedLlm.Cpu.Lanes;

/// <summary>16 floats in a register of 512 bits.</summary>
internal readonly unsafe struct Lanes16(Vector512<float> value) : ILanes<Lanes16>
{
    private readonly Vector512<float> _value = value;

    public static int Count => 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 Load(float* source) => new(Vector512.Load(source));

    // Infinities and NaNs come out as 65536 and more: they get the exponent of all ones.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 LoadHalf(ushort* source)
    {
        var finite = LoadFiniteHalf(source)._value;
        var special = Vector512.GreaterThanOrEqual(Vector512.Abs(finite), Vector512.Create(65536f));
        return new(finite | (special & Vector512.Create(float.PositiveInfinity)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 LoadFiniteHalf(ushort* source) =>
        new(HalfBits.ToSingles(Vector512.WidenLower(Vector256.Load((short*)source).ToVector512Unsafe())));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 LoadBytes(sbyte* source)
    {
        var words = Vector256.WidenLower(Vector128.Load(source).ToVector256Unsafe());
        return new(Vector512.ConvertToSingle(Vector512.WidenLower(words.ToVector512Unsafe())));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* target) => _value.Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 Fill(float value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 operator +(Lanes16 left, Lanes16 right) => new(left._value + right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 operator -(Lanes16 left, Lanes16 right) => new(left._value - right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 operator *(Lanes16 left, Lanes16 right) => new(left._value * right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 operator /(Lanes16 left, Lanes16 right) => new(left._value / right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 MultiplyAdd(Lanes16 left, Lanes16 right, Lanes16 addend) =>
        new(LaneMath.HasFusedMultiplyAdd ? Vector512.FusedMultiplyAdd(left._value, right._value, addend._value) : left._value * right._value + addend._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 Min(Lanes16 left, Lanes16 right) => new(Vector512.MinNative(left._value, right._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 Max(Lanes16 left, Lanes16 right) => new(Vector512.MaxNative(left._value, right._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 Abs(Lanes16 value) => new(Vector512.Abs(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 Round(Lanes16 value) => new(Vector512.Round(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 PowerOfTwo(Lanes16 exponent) => new(((Vector512.ConvertToInt32Native(exponent._value) + Vector512.Create(127)) << 23).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 ZeroWhereBelow(Lanes16 value, Lanes16 test, float limit) =>
        new(Vector512.ConditionalSelect(Vector512.LessThan(test._value, Vector512.Create(limit)), Vector512<float>.Zero, value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AnyAbove(Lanes16 value, Lanes16 limit) => Vector512.GreaterThanAny(value._value, limit._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 SwapPairs(Lanes16 value) => new(Vector512.Shuffle(value._value, Vector512.Create(1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Lanes16 value) => Lanes8.Sum(new Lanes8(value._value.GetLower() + value._value.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Max(Lanes16 value) => Lanes8.Max(new Lanes8(Vector256.Max(value._value.GetLower(), value._value.GetUpper())));
}
