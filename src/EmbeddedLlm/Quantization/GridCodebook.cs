using System.Numerics.Tensors;

namespace EmbeddedLlm.Quantization;

/// <summary>The nearest vector of a grid whose digits stand for levels.</summary>
internal sealed class GridCodebook
{
    private readonly Grid _grid;
    private readonly float[] _values;       // by digit
    private readonly float[] _negative;     // [width × count] levels, negated
    private readonly float[] _halfSquares;  // [count] half the squared length

    /// <summary>Makes the codebook of <paramref name="grid"/>.</summary>
    /// <param name="grid">The vectors.</param>
    /// <param name="values">The level of each digit.</param>
    public GridCodebook(Grid grid, params float[] values)
    {
        _grid = grid;
        _values = values;
        _negative = new float[grid.Width * grid.Count];
        _halfSquares = new float[grid.Count];
        for (var vector = 0; vector < grid.Count; vector++)
        {
            for (var place = 0; place < grid.Width; place++)
            {
                var value = values[grid.Digit(vector, place)];
                _negative[place * grid.Count + vector] = -value;
                _halfSquares[vector] += value * value / 2;
            }
        }
    }

    /// <summary>The vector nearest to <paramref name="target"/> by squared distance, of those that are equally near the first.</summary>
    public int Nearest(ReadOnlySpan<float> target)
    {
        // |t − v|² = |t|² + 2 · (|v|² / 2 − t · v)
        Span<float> distances = stackalloc float[_grid.Count];
        _halfSquares.CopyTo(distances);
        for (var place = 0; place < _grid.Width; place++)
            TensorPrimitives.MultiplyAdd(_negative.AsSpan(place * _grid.Count, _grid.Count), target[place], distances, distances);
        return TensorPrimitives.IndexOfMin(distances);
    }

    /// <summary>The level at one place of a vector.</summary>
    public float Level(int vector, int place) => _values[_grid.Digit(vector, place)];
}
