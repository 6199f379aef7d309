using EmbeddedLlm.Backends;

namespace EmbeddedLlm.Engine;

/// <summary>What the scheduler wants to be run next. One is filled again and again.</summary>
internal sealed class Step(int maxRows, int maxSequences)
{
    private readonly int[] _tokens = new int[maxRows];
    private readonly BatchSlice[] _slices = new BatchSlice[maxSequences];
    private readonly int[] _outputRows = new int[maxSequences];
    private int[] _kvBlocks = new int[64];
    private int _rows, _kvCount;

    /// <summary>The sequences that run, in the order of <see cref="Batch.Slices"/>.</summary>
    public List<Sequence> Sequences { get; } = [];

    /// <summary>Sequences that hold blocks from this step on; one may wait for what another is computing for both.</summary>
    public List<Sequence> Admitted { get; } = [];

    /// <summary>Sequences that had to give their blocks back.</summary>
    public List<Sequence> Preempted { get; } = [];

    /// <summary>Blocks to copy before the batch runs, in this order.</summary>
    public List<(int From, int To)> Copies { get; } = [];

    /// <summary>Rows of logits that come back.</summary>
    public int Outputs { get; private set; }

    /// <summary>Rows that are still free.</summary>
    public int FreeRows => maxRows - _rows;

    public Batch Batch => new()
    {
        Tokens = _tokens.AsSpan(0, _rows),
        Slices = _slices.AsSpan(0, Sequences.Count),
        KvBlocks = _kvBlocks.AsSpan(0, _kvCount),
        OutputRows = _outputRows.AsSpan(0, Outputs),
    };

    public int Rows(int sequence) => _slices[sequence].Rows;

    public void Clear()
    {
        Sequences.Clear();
        Admitted.Clear();
        Preempted.Clear();
        Copies.Clear();
        (_rows, _kvCount, Outputs) = (0, 0, 0);
    }

    /// <summary>Adds the next rows of a sequence; the logits of the last one are asked for if no more tokens are left to run.</summary>
    public void Add(Sequence sequence, int rows)
    {
        var blocks = sequence.Table!.Blocks;
        if (_kvBlocks.Length < _kvCount + blocks.Length)
            Array.Resize(ref _kvBlocks, Math.Max(2 * _kvBlocks.Length, _kvCount + blocks.Length));
        blocks.CopyTo(_kvBlocks.AsSpan(_kvCount));
        sequence.Tokens.Slice(sequence.Computed, rows).CopyTo(_tokens.AsSpan(_rows));

        _slices[Sequences.Count] = new(rows, sequence.Computed, _kvCount, blocks.Length);
        Sequences.Add(sequence);
        _kvCount += blocks.Length;
        _rows += rows;
        if (rows == sequence.Remaining)
            _outputRows[Outputs++] = _rows - 1;
    }
}
