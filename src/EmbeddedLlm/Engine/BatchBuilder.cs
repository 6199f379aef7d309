using EmbeddedLlm.Backends;

namespace EmbeddedLlm.Engine;

/// <summary>Lays the rows of sequences behind each other. One is filled again and again.</summary>
internal sealed class BatchBuilder(int maxRows, int maxSlices, int maxOutputs)
{
    private readonly int[] _tokens = new int[maxRows];
    private readonly BatchSlice[] _slices = new BatchSlice[maxSlices];
    private readonly int[] _outputRows = new int[maxOutputs];
    private int[] _kvBlocks = new int[64];
    private int _rows, _sliceCount, _kvCount;

    /// <summary>Rows of logits that come back.</summary>
    public int Outputs { get; private set; }

    /// <summary>Rows that are still free.</summary>
    public int FreeRows => maxRows - _rows;

    public Batch Batch => new()
    {
        Tokens = _tokens.AsSpan(0, _rows),
        Slices = _slices.AsSpan(0, _sliceCount),
        KvBlocks = _kvBlocks.AsSpan(0, _kvCount),
        OutputRows = _outputRows.AsSpan(0, Outputs),
    };

    public int Rows(int slice) => _slices[slice].Rows;

    public void Clear() => (_rows, _sliceCount, _kvCount, Outputs) = (0, 0, 0, 0);

    /// <summary>Adds a slice.</summary>
    /// <param name="tokens">One for each row.</param>
    /// <param name="past">Positions before them.</param>
    /// <param name="blocks">The KV blocks of them all.</param>
    /// <param name="outputs">How many of the last rows give logits.</param>
    /// <param name="states">The slots that a recurrent model reads and writes.</param>
    public void Add(ReadOnlySpan<int> tokens, int past, ReadOnlySpan<int> blocks, int outputs, (int From, int To) states = default)
    {
        if (_kvBlocks.Length < _kvCount + blocks.Length)
            Array.Resize(ref _kvBlocks, Math.Max(2 * _kvBlocks.Length, _kvCount + blocks.Length));
        blocks.CopyTo(_kvBlocks.AsSpan(_kvCount));
        tokens.CopyTo(_tokens.AsSpan(_rows));
        _slices[_sliceCount++] = new(tokens.Length, past, _kvCount, blocks.Length) { StateFrom = states.From, StateTo = states.To };
        _kvCount += blocks.Length;
        _rows += tokens.Length;
        for (; outputs > 0; outputs--)
            _outputRows[Outputs++] = _rows - outputs;
    }
}
