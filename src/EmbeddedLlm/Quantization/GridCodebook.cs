using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace EmbeddedLlm.Quantization;

/// <summary>The nearest vector of a grid whose digits stand for levels.</summary>
internal sealed class GridCodebook
{
    private static readonly int Lanes = Vector256<float>.Count;

    private readonly Grid _grid;
    private readonly float[] _values;       // by digit, ascending
    private readonly float[] _middles;      // between each level and the next
    private readonly float[] _vectors;      // of each eight vectors: half their squared lengths, then their levels, negated, place by place

    /// <summary>Makes the codebook of <paramref name="grid"/>.</summary>
    /// <param name="grid">The vectors; a multiple of eight.</param>
    /// <param name="values">The level of each digit, ascending.</param>
    public GridCodebook(Grid grid, params float[] values)
    {
        _grid = grid;
        _values = values;
        _middles = [.. values.Skip(1).Zip(values, (next, value) => (next + value) / 2)];
        _vectors = new float[(grid.Width + 1) * grid.Count];
        for (var vector = 0; vector < grid.Count; vector++)
        {
            var at = vector / Lanes * Lanes * (grid.Width + 1) + vector % Lanes;
            for (var place = 0; place < grid.Width; place++)
            {
                var value = values[grid.Digit(vector, place)];
                _vectors[at] += value * value / 2;
                _vectors[at + (place + 1) * Lanes] = -value;
            }
        }
    }

    /// <summary>The vector nearest to <paramref name="target"/> [width] by squared distance.</summary>
    public int Nearest(ReadOnlySpan<float> target)
    {
        // Where the nearest of all vectors is in the grid, no other can be nearer.
        Span<int> digits = stackalloc int[_grid.Width];
        for (var place = 0; place < digits.Length; place++)
        {
            foreach (var middle in _middles)
                digits[place] += target[place] > middle ? 1 : 0;
        }

        var vector = _grid.Find(digits);
        return vector >= 0 ? vector : Search(target);
    }

    /// <summary>The level at one place of a vector.</summary>
    public float Level(int vector, int place) => _values[_grid.Digit(vector, place)];

    // |t − v|² = |t|² + 2 · (|v|² / 2 − t · v)
    private int Search(ReadOnlySpan<float> target)
    {
        Span<Vector256<float>> targets = stackalloc Vector256<float>[_grid.Width];
        for (var place = 0; place < targets.Length; place++)
            targets[place] = Vector256.Create(target[place]);

        var least = Vector256.Create(float.PositiveInfinity);
        var found = Vector256<int>.Zero;
        var numbers = Vector256.Create(0, 1, 2, 3, 4, 5, 6, 7);
        var eights = MemoryMarshal.Cast<float, Vector256<float>>(_vectors);
        for (; eights.Length > 0; eights = eights[(targets.Length + 1)..])
        {
            var distances = eights[0];
            for (var place = 0; place < targets.Length; place++)
                distances = Vector256.MultiplyAddEstimate(eights[place + 1], targets[place], distances);
            var isLess = Vector256.LessThan(distances, least);
            least = Vector256.ConditionalSelect(isLess, distances, least);
            found = Vector256.ConditionalSelect(isLess.AsInt32(), numbers, found);
            numbers += Vector256.Create(Lanes);
        }

        var best = 0;
        for (var lane = 1; lane < Lanes; lane++)
        {
            if (least[lane] < least[best])
                best = lane;
        }

        return found[best];
    }
}
