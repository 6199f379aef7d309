namespace EmbeddedLlm.Cpu.Panels;

/// <summary>Where the packed rows of one input stand, in each form that some weight asks for: integers, floats or both.</summary>
internal readonly unsafe struct Packing
{
    private readonly int _width;
    private readonly int _maxColumns;
    private readonly bool _hasIntegers;
    private readonly bool _hasFloats;
    private readonly long _floatsAt;

    /// <summary>Plans the memory for the input of <paramref name="weights"/>.</summary>
    /// <param name="maxColumns">Columns of a full tile.</param>
    /// <param name="maxRows">The most rows, with those that fill tiles.</param>
    /// <param name="weights">What the rows will be multiplied by; all of one width.</param>
    public Packing(int maxColumns, int maxRows, params ReadOnlySpan<PanelMatrix> weights)
    {
        _width = weights[0].Width;
        _maxColumns = maxColumns;
        foreach (var weight in weights)
        {
            _hasIntegers |= !weight.Shape.IsFloat;
            _hasFloats |= weight.Shape.IsFloat;
        }

        _floatsAt = _hasIntegers ? ActivationPacker.Bytes(maxRows, _width, isFloat: false) : 0;
        Bytes = checked(_floatsAt + (_hasFloats ? ActivationPacker.Bytes(maxRows, _width, isFloat: true) : 0));
    }

    /// <summary>Bytes of the memory.</summary>
    public long Bytes { get; }

    /// <summary>Does the worker's share of packing <paramref name="rows"/> rows.</summary>
    /// <param name="memory">The memory of this packing.</param>
    /// <param name="first">The place of the first row; a multiple of the columns of a full tile.</param>
    /// <param name="source">The rows.</param>
    /// <param name="rows">How many.</param>
    /// <param name="rowIndices">Which rows of the source, in order; null for 0 … rows − 1.</param>
    /// <param name="worker">Who packs.</param>
    public void Pack(byte* memory, int first, Activations source, int rows, int* rowIndices, Worker worker)
    {
        var (start, end) = worker.Share(ActivationPacker.Units(rows, _width, _maxColumns));
        if (_hasIntegers)
            ActivationPacker.Pack(source, rows, rowIndices, At(memory, first, isFloat: false), isFloat: false, _maxColumns, start, end);
        if (_hasFloats)
            ActivationPacker.Pack(source, rows, rowIndices, At(memory, first, isFloat: true), isFloat: true, _maxColumns, start, end);
    }

    /// <summary>The packed rows from <paramref name="first"/> on, in the form that <paramref name="weight"/> multiplies.</summary>
    public byte* For(PanelMatrix weight, byte* memory, int first = 0) => At(memory, first, weight.Shape.IsFloat);

    private byte* At(byte* memory, int first, bool isFloat) => memory + (isFloat ? _floatsAt : 0) + first * ActivationPacker.RowBytes(_width, isFloat);
}
