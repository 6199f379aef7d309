using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace EmbeddedLlm.Cpu.Lanes;

/// <summary>8 floats in a register of 256 bits.</summary>
internal readonly unsafe struct Lanes8(Vector256<float> value) : ILanes<Lanes8>
{
    private readonly Vector256<float> _value = value;

    public static int Count => 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Load(float* source) => new(Vector256.Load(source));

    // Infinities and NaNs come out as 65536 and more: they get the exponent of all ones.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 LoadHalf(ushort* source)
    {
        var finite = LoadFiniteHalf(source)._value;
        var special = Vector256.GreaterThanOrEqual(Vector256.Abs(finite), Vector256.Create(65536f));
        return new(finite | (special & Vector256.Create(float.PositiveInfinity)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 LoadFiniteHalf(ushort* source) =>
        new(HalfBits.ToSingles(Vector256.WidenLower(Vector128.Load((short*)source).ToVector256Unsafe())));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 LoadBytes(sbyte* source)
    {
        var words = Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(long*)source).AsSByte());
        return new(Vector256.ConvertToSingle(Vector256.WidenLower(words.ToVector256Unsafe())));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* target) => _value.Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Fill(float value) => new(Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 operator +(Lanes8 left, Lanes8 right) => new(left._value + right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 operator -(Lanes8 left, Lanes8 right) => new(left._value - right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 operator *(Lanes8 left, Lanes8 right) => new(left._value * right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 operator /(Lanes8 left, Lanes8 right) => new(left._value / right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 MultiplyAdd(Lanes8 left, Lanes8 right, Lanes8 addend) =>
        new(LaneMath.HasFusedMultiplyAdd ? Vector256.FusedMultiplyAdd(left._value, right._value, addend._value) : left._value * right._value + addend._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Min(Lanes8 left, Lanes8 right) => new(Vector256.MinNative(left._value, right._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Max(Lanes8 left, Lanes8 right) => new(Vector256.MaxNative(left._value, right._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Abs(Lanes8 value) => new(Vector256.Abs(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Round(Lanes8 value) => new(Vector256.Round(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 PowerOfTwo(Lanes8 exponent) => new(((Vector256.ConvertToInt32Native(exponent._value) + Vector256.Create(127)) << 23).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 ZeroWhereBelow(Lanes8 value, Lanes8 test, float limit) =>
        new(Vector256.ConditionalSelect(Vector256.LessThan(test._value, Vector256.Create(limit)), Vector256<float>.Zero, value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AnyAbove(Lanes8 value, Lanes8 limit) => Vector256.GreaterThanAny(value._value, limit._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 SwapPairs(Lanes8 value) => new(Vector256.Shuffle(value._value, Vector256.Create(1, 0, 3, 2, 5, 4, 7, 6)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Lanes8 value) => Lanes4.Sum(new Lanes4(value._value.GetLower() + value._value.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Max(Lanes8 value) => Lanes4.Max(new Lanes4(Vector128.Max(value._value.GetLower(), value._value.GetUpper())));
}
