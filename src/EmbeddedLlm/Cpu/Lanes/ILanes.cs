namespace EmbeddedLlm.Cpu.Lanes;

/// <summary>
/// A register of floats of one width, so that a kernel is written once for all widths. Names no instruction: the JIT picks them.
/// All operations work lane by lane; sums have a fixed order.
/// </summary>
internal unsafe interface ILanes<TSelf> where TSelf : unmanaged, ILanes<TSelf>
{
    /// <summary>Floats in a register.</summary>
    static abstract int Count { get; }

    /// <summary>Reads <see cref="Count"/> floats.</summary>
    static abstract TSelf Load(float* source);

    /// <summary>Reads <see cref="Count"/> half-precision floats. Exact, infinities and NaNs included.</summary>
    static abstract TSelf LoadHalf(ushort* source);

    /// <summary>Reads <see cref="Count"/> half-precision floats, all finite. Exact.</summary>
    static abstract TSelf LoadFiniteHalf(ushort* source);

    /// <summary>Reads <see cref="Count"/> signed bytes.</summary>
    static abstract TSelf LoadBytes(sbyte* source);

    /// <summary>Writes <see cref="Count"/> floats.</summary>
    void Store(float* target);

    /// <summary>The same number in every lane.</summary>
    static abstract TSelf Fill(float value);

    static abstract TSelf operator +(TSelf left, TSelf right);

    static abstract TSelf operator -(TSelf left, TSelf right);

    static abstract TSelf operator *(TSelf left, TSelf right);

    static abstract TSelf operator /(TSelf left, TSelf right);

    /// <summary><c>left · right + addend</c>, rounded once where the hardware can.</summary>
    static abstract TSelf MultiplyAdd(TSelf left, TSelf right, TSelf addend);

    /// <summary>The smaller of both; NaN where <paramref name="right"/> is, but <paramref name="left"/> may be lost.</summary>
    static abstract TSelf Min(TSelf left, TSelf right);

    /// <summary>The greater of both; NaN where <paramref name="right"/> is, but <paramref name="left"/> may be lost.</summary>
    static abstract TSelf Max(TSelf left, TSelf right);

    static abstract TSelf Abs(TSelf value);

    /// <summary>To the nearest whole number, ties to even.</summary>
    static abstract TSelf Round(TSelf value);

    /// <summary>2 to the power of whole numbers in −126 … 127.</summary>
    static abstract TSelf PowerOfTwo(TSelf exponent);

    /// <summary><paramref name="value"/> where <paramref name="test"/> is at least <paramref name="limit"/> (or NaN), else 0.</summary>
    static abstract TSelf ZeroWhereBelow(TSelf value, TSelf test, float limit);

    /// <summary>Whether a lane is greater than that of <paramref name="limit"/>; NaN is not.</summary>
    static abstract bool AnyAbove(TSelf value, TSelf limit);

    /// <summary>Lanes 1, 0, 3, 2, 5, 4, …</summary>
    static abstract TSelf SwapPairs(TSelf value);

    /// <summary>The sum of all lanes.</summary>
    static abstract float Sum(TSelf value);

    /// <summary>The greatest lane.</summary>
    static abstract float Max(TSelf value);
}
