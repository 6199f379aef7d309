namespace EmbeddedLlm.Quantization;

/// <summary>
/// Eight numbers become one vector of the ternary grid, all of it shifted up or down by an eighth. In units of an eighth, so that levels are integers:
/// 8 · (digit − 1) ± 1. A code has the vector in bits 0 … 10 and in bit 11 whether the shift is down.
/// </summary>
/// <param name="shiftLength">Numbers with one shift: 8 or 32.</param>
internal sealed class ShiftedGridCodebook(int shiftLength) : Codebook
{
    private static readonly GridCodebook Vectors = new(Grids.Ternary2048, -8, 0, 8);

    /// <summary>What the quants stand for, before 9 is subtracted: digits shifted up in the lower half of the table, shifted down in the upper half.</summary>
    public static ReadOnlySpan<byte> Levels => [2, 10, 18, 9, 9, 9, 9, 9, 0, 8, 16, 9, 9, 9, 9, 9];

    public override int CodeLength => 8;

    public override float Lowest => -9;

    public override float Highest => 9;

    public override void Round(ReadOnlySpan<float> group, ReadOnlySpan<float> weights, Span<float> levels, Span<int> codes)
    {
        Span<float> otherLevels = stackalloc float[shiftLength];
        Span<int> otherCodes = stackalloc int[shiftLength / 8];
        for (var start = 0; start < group.Length; start += shiftLength)
        {
            var numbers = group.Slice(start, shiftLength);
            var numberWeights = weights.Slice(start, shiftLength);
            var up = Round(numbers, numberWeights, 1, levels.Slice(start, shiftLength), codes.Slice(start / 8, shiftLength / 8));
            if (!(Round(numbers, numberWeights, -1, otherLevels, otherCodes) < up))
                continue;
            otherLevels.CopyTo(levels[start..]);
            otherCodes.CopyTo(codes[(start / 8)..]);
        }
    }

    // Returns the weighted squared distance.
    private static float Round(ReadOnlySpan<float> numbers, ReadOnlySpan<float> weights, int shift, Span<float> levels, Span<int> codes)
    {
        Span<float> target = stackalloc float[8];
        var distance = 0f;
        for (var code = 0; code < codes.Length; code++)
        {
            var eight = numbers.Slice(8 * code, 8);
            for (var i = 0; i < 8; i++)
                target[i] = eight[i] - shift;
            var vector = Vectors.Nearest(target, weights.Slice(8 * code, 8));
            codes[code] = vector | (shift < 0 ? 1 << 11 : 0);
            for (var i = 0; i < 8; i++)
            {
                var level = Vectors.Level(vector, i) + shift;
                levels[8 * code + i] = level;
                distance += weights[8 * code + i] * (eight[i] - level) * (eight[i] - level);
            }
        }

        return distance;
    }
}
