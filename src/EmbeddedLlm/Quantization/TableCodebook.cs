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

    public override void Round(ReadOnlySpan<float> group, Span<float> levels, Span<int> codes)
    {
        for (var i = 0; i < group.Length; i++)
        {
            var place = 0;
            foreach (var middle in _middles)
                place += group[i] > middle ? 1 : 0;
            levels[i] = _levels[place];
            codes[i] = _places[place];
        }
    }
}
