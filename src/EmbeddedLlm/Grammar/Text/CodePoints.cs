namespace EmbeddedLlm.Grammar.Text;

/// <summary>A set of Unicode code points as sorted ranges that do not touch.</summary>
internal sealed class CodePoints
{
    public const int Max = 0x10FFFF;

    private readonly List<(int Low, int High)> _ranges;

    private CodePoints(List<(int Low, int High)> ranges)
    {
        ranges.Sort();
        _ranges = [];
        foreach (var range in ranges)
        {
            if (_ranges.Count > 0 && range.Low <= _ranges[^1].High + 1)
                _ranges[^1] = (_ranges[^1].Low, Math.Max(_ranges[^1].High, range.High));
            else
                _ranges.Add(range);
        }
    }

    public static CodePoints All { get; } = Range(0, Max);

    public static CodePoints None { get; } = new([]);

    public IReadOnlyList<(int Low, int High)> Ranges => _ranges;

    public bool IsEmpty => _ranges.Count == 0;

    public static CodePoints Range(int low, int high) => new([(low, high)]);

    public static CodePoints Of(params ReadOnlySpan<int> values)
    {
        var ranges = new List<(int, int)>();
        foreach (var value in values)
            ranges.Add((value, value));
        return new(ranges);
    }

    public static CodePoints Of(IEnumerable<(int Low, int High)> ranges) => new([.. ranges]);

    public bool Contains(int value) => _ranges.Exists(range => value >= range.Low && value <= range.High);

    public CodePoints Union(CodePoints other) => new([.. _ranges, .. other._ranges]);

    public CodePoints Complement()
    {
        var ranges = new List<(int, int)>();
        var next = 0;
        foreach (var (low, high) in _ranges)
        {
            if (low > next)
                ranges.Add((next, low - 1));
            next = high + 1;
        }
        if (next <= Max)
            ranges.Add((next, Max));
        return new(ranges);
    }

    public CodePoints Intersect(CodePoints other) => Complement().Union(other.Complement()).Complement();

    public CodePoints Except(CodePoints other) => Intersect(other.Complement());
}
