using System.Runtime.Intrinsics;

namespace EmbeddedLlm.Cpu.Tiers;

/// <summary>
/// One instruction set: the few steps that products over panels are made of. The loops stand in <see cref="Panels.IntegerProduct{TTier,TInts,TFloats,TShape,TColumns}"/>
/// and <see cref="Panels.FloatProduct{TTier,TInts,TFloats,TNumber,TColumns}"/>, written once for all tiers.
/// </summary>
/// <remarks>
/// A lane is an output row. <typeparamref name="TInts"/> has 32 bits for each of <see cref="Rows"/> lanes: four quants (bytes) of that row, an integer, or a
/// <em>partial sum</em>, whose form is the tier's own (two 16-bit sums with AVX2, one 32-bit sum on Arm). <typeparamref name="TFloats"/> has one float for each lane.
/// </remarks>
internal unsafe interface ITier<TInts, TFloats>
    where TInts : struct
    where TFloats : struct
{
    /// <summary>Whether this processor has it.</summary>
    static abstract bool IsSupported { get; }

    /// <summary>Lanes: the rows that a panel interleaves.</summary>
    static abstract int Rows { get; }

    /// <summary>How many columns (activation rows) fit into registers beside a panel: 4 or 8.</summary>
    static abstract int MaxColumns { get; }

    /// <summary>Whether a partial sum has 32 bits and takes weights up to 255; else it takes what <see cref="Dot"/> says.</summary>
    static abstract bool TakesBytes { get; }

    /// <summary>Asks for the cache line of an address, which need not be valid; nothing where the instruction set cannot.</summary>
    static abstract void Prefetch(byte* address);

    /// <summary>4 · <see cref="Rows"/> bytes.</summary>
    static abstract TInts Load(byte* source);

    /// <summary>4 bytes of each of <see cref="Rows"/> rows that stand <paramref name="stride"/> bytes apart.</summary>
    static abstract TInts Gather(byte* rows, nint stride);

    /// <summary>16 bytes of each of <see cref="Rows"/> rows that stand <paramref name="stride"/> bytes apart, transposed: bytes 0 … 3, 4 … 7, 8 … 11, 12 … 15.</summary>
    static abstract void Gather(byte* rows, nint stride, out TInts a, out TInts b, out TInts c, out TInts d);

    /// <summary>Writes 4 · <see cref="Rows"/> bytes.</summary>
    static abstract void Store(TInts value, byte* target);

    /// <summary>Writes the lower 16 bits of each lane.</summary>
    static abstract void StoreHalves(TInts value, byte* target);

    /// <summary>Writes the lowest 8 bits of each lane.</summary>
    static abstract void StoreBytes(TInts value, byte* target);

    /// <summary>Bits that <paramref name="mask"/> has in every lane.</summary>
    static abstract TInts And(TInts value, uint mask);

    /// <summary>Bits of every lane, those of <paramref name="mask"/> turned over.</summary>
    static abstract TInts Xor(TInts value, uint mask);

    /// <summary>Both together.</summary>
    static abstract TInts Or(TInts left, TInts right);

    /// <summary>Shifts to the left; bits may cross from one byte of a lane to the next, mask them.</summary>
    static abstract TInts ShiftLeft(TInts value, int count);

    /// <summary>Shifts to the right; bits may cross from one byte of a lane to the next, mask them.</summary>
    static abstract TInts ShiftRight(TInts value, int count);

    /// <summary>16 bytes for <see cref="Lookup"/>.</summary>
    static abstract TInts LoadTable(Vector128<byte> table);

    /// <summary>The byte of the table that each byte of <paramref name="indices"/> (0 … 15) names.</summary>
    static abstract TInts Lookup(TInts table, TInts indices);

    /// <summary>
    /// Adds <c>Σ weights[i] · column[i]</c>, i = 0 … 3, to the partial sum of every lane. Weights are unsigned and at most 63. A partial sum may hold only
    /// 16 bits: 8 calls with weights up to 15 (4 up to 31, 2 up to 63) and columns of ±127 fit.
    /// </summary>
    static abstract TInts Dot(TInts partial, TInts weights, sbyte* column);

    /// <summary>Partial sums times factors (see <see cref="ToFactor"/>), as an integer in each lane.</summary>
    static abstract TInts Fold(TInts partial, TInts factor);

    /// <summary>Makes the factors of <see cref="Fold"/> from an integer of 16 bits in each lane.</summary>
    static abstract TInts ToFactor(TInts integers);

    /// <summary>Sum of the integers.</summary>
    static abstract TInts Add(TInts left, TInts right);

    /// <summary>The same integer in every lane.</summary>
    static abstract TInts Fill(int value);

    /// <summary>Signed bytes, one for each lane, as integers.</summary>
    static abstract TInts LoadBytes(byte* source);

    /// <summary>Integers as floats.</summary>
    static abstract TFloats ToFloats(TInts integers);

    /// <summary>32-bit floats, one for each lane.</summary>
    static abstract TFloats LoadSingles(byte* source);

    /// <summary>Finite 16-bit floats, one for each lane. Exact.</summary>
    static abstract TFloats LoadHalves(byte* source);

    /// <summary>16-bit brain floats, one for each lane. Exact.</summary>
    static abstract TFloats LoadBrains(byte* source);

    /// <summary>The same float in every lane.</summary>
    static abstract TFloats Fill(float value);

    /// <summary>Product.</summary>
    static abstract TFloats Multiply(TFloats left, TFloats right);

    /// <summary><c>left · right + sum</c>.</summary>
    static abstract TFloats MultiplyAdd(TFloats left, TFloats right, TFloats sum);

    /// <summary>Sum.</summary>
    static abstract TFloats Add(TFloats left, TFloats right);

    /// <summary>Writes one float for each lane.</summary>
    static abstract void Store(TFloats value, float* target);
}
