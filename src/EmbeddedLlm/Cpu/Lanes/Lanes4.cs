using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace EmbeddedLlm.Cpu.Lanes;

/// <summary>4 floats in a register of 128 bits.</summary>
internal readonly unsafe struct Lanes4(Vector128<float> value) : ILanes<Lanes4>
{
    private readonly Vector128<float> _value = value;

    public static int Count => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 Load(float* source) => new(Vector128.Load(source));

    // Infinities and NaNs come out as 65536 and more: they get the exponent of all ones.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 LoadHalf(ushort* source)
    {
        var finite = LoadFiniteHalf(source)._value;
        var special = Vector128.GreaterThanOrEqual(Vector128.Abs(finite), Vector128.Create(65536f));
        return new(finite | (special & Vector128.Create(float.PositiveInfinity)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 LoadFiniteHalf(ushort* source) =>
        new(HalfBits.ToSingles(Vector128.WidenLower(Vector64.Load((short*)source).ToVector128Unsafe())));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 LoadBytes(sbyte* source) =>
        new(Vector128.ConvertToSingle(Vector128.WidenLower(Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(int*)source).AsSByte()))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* target) => _value.Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 Fill(float value) => new(Vector128.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 operator +(Lanes4 left, Lanes4 right) => new(left._value + right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 operator -(Lanes4 left, Lanes4 right) => new(left._value - right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 operator *(Lanes4 left, Lanes4 right) => new(left._value * right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 operator /(Lanes4 left, Lanes4 right) => new(left._value / right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 MultiplyAdd(Lanes4 left, Lanes4 right, Lanes4 addend) =>
        new(LaneMath.HasFusedMultiplyAdd ? Vector128.FusedMultiplyAdd(left._value, right._value, addend._value) : left._value * right._value + addend._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 Min(Lanes4 left, Lanes4 right) => new(Vector128.MinNative(left._value, right._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 Max(Lanes4 left, Lanes4 right) => new(Vector128.MaxNative(left._value, right._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 Abs(Lanes4 value) => new(Vector128.Abs(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 Round(Lanes4 value) => new(Vector128.Round(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 PowerOfTwo(Lanes4 exponent) => new(((Vector128.ConvertToInt32Native(exponent._value) + Vector128.Create(127)) << 23).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 ZeroWhereBelow(Lanes4 value, Lanes4 test, float limit) =>
        new(Vector128.ConditionalSelect(Vector128.LessThan(test._value, Vector128.Create(limit)), Vector128<float>.Zero, value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AnyAbove(Lanes4 value, Lanes4 limit) => Vector128.GreaterThanAny(value._value, limit._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 SwapPairs(Lanes4 value) => new(Vector128.Shuffle(value._value, Vector128.Create(1, 0, 3, 2)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Lanes4 value) =>
        (value._value.GetElement(0) + value._value.GetElement(2)) + (value._value.GetElement(1) + value._value.GetElement(3));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Max(Lanes4 value) =>
        MathF.Max(MathF.Max(value._value.GetElement(0), value._value.GetElement(2)), MathF.Max(value._value.GetElement(1), value._value.GetElement(3)));
}
