using System.Numerics;
using System.Runtime.InteropServices;

namespace EmbeddedLlm.Quantization;

/// <summary>Each number by itself becomes one of a few levels. The code of a number is the place of its level in the table.</summary>
internal sealed class TableCodebook : Codebook
{
    private readonly float[] _levels;       // ascending
    private readonly float[] _middles;      // between each level and the next
    private readonly int[] _places;

    /// <summary>Makes the codebook from a format's levels. Of places with one level the first is used.</summary>
    public TableCodebook(ReadOnlySpan<byte> levels, int offset)
    {
        var all = levels.ToArray();
        var distinct = all.Distinct().Order().ToArray();
        _levels = [.. distinct.Select(level => (float)(level - offset))];
        _places = [.. distinct.Select(level => Array.IndexOf(all, level))];
        _middles = [.. _levels.Skip(1).Zip(_levels, (next, level) => (level + next) / 2)];
    }

    public override int CodeLength => 1;

    public override float Lowest => _levels[0];

    public override float Highest => _levels[^1];

    public override void Round(ReadOnlySpan<float> group, ReadOnlySpan<float> weights, Span<float> levels, Span<int> codes)
    {
        // A number's place among the levels is how many middles are below it; codes hold it first.
        var registers = MemoryMarshal.Cast<float, Vector<float>>(group);
        var places = MemoryMarshal.Cast<int, Vector<int>>(codes);
        for (var i = 0; i < registers.Length; i++)
        {
            var place = Vector<int>.Zero;
            foreach (var middle in _middles)
                place -= Vector.GreaterThan(registers[i], new Vector<float>(middle));
            places[i] = place;
        }

        for (var i = registers.Length * Vector<float>.Count; i < group.Length; i++)
        {
            codes[i] = 0;
            foreach (var middle in _middles)
                codes[i] += group[i] > middle ? 1 : 0;
        }

        for (var i = 0; i < group.Length; i++)
            (levels[i], codes[i]) = (_levels[codes[i]], _places[codes[i]]);
    }
}
