using System.Numerics;
using System.Runtime.Intrinsics;

namespace EmbeddedLlm.Quantization;

/// <summary>
/// The nearest vector of a grid whose digits stand for levels. What a vector costs is what its lower and its upper half of places cost, and halves are few:
/// their costs are tables, and upper halves that are too dear with the cheapest lower one are passed over with all their vectors.
/// </summary>
internal sealed class GridCodebook
{
    private const int Lanes = 8;

    /// <summary>For the costs of all halves, 3⁴ or 8², and a register behind them.</summary>
    private const int Room = 96;

    private readonly Grid _grid;
    private readonly float[] _values;       // by digit, ascending
    private readonly float[] _middles;      // between each level and the next
    private readonly int _halves;           // radix ^ (width / 2)
    private readonly int[] _starts;         // [halves + 1] first vector of each upper half
    private readonly byte[] _lows;          // of each vector: its lower half

    /// <summary>Makes the codebook of <paramref name="grid"/>.</summary>
    /// <param name="grid">The vectors.</param>
    /// <param name="values">The level of each digit, ascending.</param>
    public GridCodebook(Grid grid, params float[] values)
    {
        _grid = grid;
        _values = values;
        _middles = [.. values.Skip(1).Zip(values, (next, value) => (next + value) / 2)];
        _halves = 1;
        for (var place = 0; place < grid.Width / 2; place++)
            _halves *= grid.Radix;

        // Vectors are in ascending order, and so those of an upper half stand together.
        _starts = new int[_halves + 1];
        _lows = new byte[grid.Count];
        for (var vector = 0; vector < grid.Count; vector++)
        {
            _lows[vector] = (byte)Half(vector, 0);
            _starts[Half(vector, grid.Width / 2) + 1] = vector + 1;
        }

        for (var half = 0; half < _halves; half++)
            _starts[half + 1] = Math.Max(_starts[half + 1], _starts[half]);
    }

    /// <summary>The vector nearest to <paramref name="target"/> [width] by squared distance, in which places count by their <paramref name="weights"/> [width].</summary>
    public int Nearest(ReadOnlySpan<float> target, ReadOnlySpan<float> weights)
    {
        // Where the nearest of all vectors is in the grid, no other can be nearer.
        Span<int> digits = stackalloc int[_grid.Width];
        for (var place = 0; place < digits.Length; place++)
        {
            foreach (var middle in _middles)
                digits[place] += target[place] > middle ? 1 : 0;
        }

        var vector = _grid.Find(digits);
        return vector >= 0 ? vector : Search(target, weights);
    }

    /// <summary>The level at one place of a vector.</summary>
    public float Level(int vector, int place) => _values[_grid.Digit(vector, place)];

    // The number that half the digits of a vector make.
    private int Half(int vector, int first)
    {
        var number = 0;
        for (var place = first + _grid.Width / 2 - 1; place >= first; place--)
            number = number * _grid.Radix + _grid.Digit(vector, place);
        return number;
    }

    private int Search(ReadOnlySpan<float> target, ReadOnlySpan<float> weights)
    {
        var half = target.Length / 2;
        Span<float> lows = stackalloc float[Room];
        Span<float> highs = stackalloc float[Room];
        FillCosts(target[..half], weights[..half], lows);
        FillCosts(target[half..], weights[half..], highs);
        var leastLow = Least(lows);
        var leastHigh = Least(highs);

        // The cheapest upper half first, so that most others are too dear.
        var (found, least) = (0, float.PositiveInfinity);
        Visit(Math.Max(highs.IndexOf(leastHigh), 0), highs, lows, ref found, ref least);
        for (var start = 0; start < _halves; start += Lanes)
        {
            var cheap = Vector256.LessThan(Vector256.Create(highs[start..]), Vector256.Create(least - leastLow)).ExtractMostSignificantBits();
            for (; cheap != 0; cheap &= cheap - 1)
                Visit(start + BitOperations.TrailingZeroCount(cheap), highs, lows, ref found, ref least);
        }

        return found;
    }

    private void Visit(int high, ReadOnlySpan<float> highs, ReadOnlySpan<float> lows, ref int found, ref float least)
    {
        for (var vector = _starts[high]; vector < _starts[high + 1]; vector++)
        {
            var distance = highs[high] + lows[_lows[vector]];
            if (distance < least)
                (found, least) = (vector, distance);
        }
    }

    // Σ w·(t − v)² less Σ w·t², for all vectors v of half the width, numbered like the grid's; infinity behind them.
    private void FillCosts(ReadOnlySpan<float> target, ReadOnlySpan<float> weights, Span<float> costs)
    {
        Span<float> before = stackalloc float[Room];
        before[0] = 0;
        var count = 1;
        for (var place = 0; place < target.Length; place++)
        {
            // What a register writes too much the next digit writes over.
            for (var digit = 0; digit < _values.Length; digit++)
            {
                var cost = Vector256.Create(weights[place] * _values[digit] * (_values[digit] - 2 * target[place]));
                for (var i = 0; i < count; i += Lanes)
                    (Vector256.Create<float>(before[i..]) + cost).CopyTo(costs[(digit * count + i)..]);
            }

            count *= _values.Length;
            costs.CopyTo(before);
        }

        costs[count..].Fill(float.PositiveInfinity);
    }

    private static float Least(ReadOnlySpan<float> costs)
    {
        var least = Vector256.Create(costs);
        for (var i = Lanes; i < Room; i += Lanes)
            least = Vector256.Min(least, Vector256.Create(costs[i..]));
        var result = least[0];
        for (var lane = 1; lane < Lanes; lane++)
            result = Math.Min(result, least[lane]);
        return result;
    }
}
