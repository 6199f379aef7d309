namespace EmbeddedLlm.Quantization;

/// <summary>
/// Eight numbers become the magnitudes of one vector of a grid, or of two with four digits, and their signs. A code has the first vector in bits 0 … 11,
/// the second in bits 12 … 23 and the signs (1 for negative) from bit 24 on.
/// </summary>
/// <param name="grid">The magnitudes.</param>
/// <param name="hasEvenSigns">Whether the format stores seven signs only: of eight numbers an even count is negative.</param>
/// <param name="magnitudes">The magnitude of each digit, ascending.</param>
internal sealed class SignedGridCodebook(Grid grid, bool hasEvenSigns, params float[] magnitudes) : Codebook
{
    private readonly GridCodebook _vectors = new(grid, magnitudes);

    public override int CodeLength => 8;

    public override float Lowest => -Highest;

    public override float Highest { get; } = magnitudes[^1];

    /// <summary>All eight signs of the seven that a format stores.</summary>
    public static int Complete(int sevenSigns) => sevenSigns | (int.PopCount(sevenSigns) & 1) << 7;

    public override void Round(ReadOnlySpan<float> group, ReadOnlySpan<float> weights, Span<float> levels, Span<int> codes)
    {
        Span<float> target = stackalloc float[8];
        for (var code = 0; code < codes.Length; code++)
        {
            var eight = weights.Slice(8 * code, 8);
            var signs = Magnitudes(group.Slice(8 * code, 8), eight, target);
            var first = _vectors.Nearest(target[..grid.Width], eight[..grid.Width]);
            var second = grid.Width == 4 ? _vectors.Nearest(target[4..], eight[4..]) : 0;
            codes[code] = first | second << 12 | signs << 24;
            for (var i = 0; i < 8; i++)
            {
                var level = _vectors.Level(i < grid.Width ? first : second, i % grid.Width);
                levels[8 * code + i] = (signs >> i & 1) != 0 ? -level : level;
            }
        }
    }

    // Where one sign must be wrong it is that of the number which costs least as the lowest level of the other sign. Its magnitude then counts as negative.
    private int Magnitudes(ReadOnlySpan<float> numbers, ReadOnlySpan<float> weights, Span<float> target)
    {
        var (signs, cheapest, leastCost) = (0, 0, float.PositiveInfinity);
        for (var i = 0; i < 8; i++)
        {
            target[i] = MathF.Abs(numbers[i]);
            signs |= (numbers[i] < 0 ? 1 : 0) << i;
            var cost = weights[i] * target[i] * (target[i] + 4 * magnitudes[0]);
            if (cost < leastCost)
                (cheapest, leastCost) = (i, cost);
        }

        if (hasEvenSigns && (int.PopCount(signs) & 1) != 0)
        {
            signs ^= 1 << cheapest;
            target[cheapest] = -target[cheapest];
        }

        return signs;
    }
}
