using EmbeddedLlm.Backends;
using EmbeddedLlm.Cpu.Tiers;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Cpu;

/// <summary>A model on the processor: its kernels, the memory they work in, and the team that walks them.</summary>
internal sealed unsafe class CpuRunner : IModelRunner
{
    private readonly RunnerOptions _options;
    private readonly CompiledGraph _compiled;
    private readonly WorkerTeam _team;
    private readonly BatchCheck _check;
    private readonly CpuStep _step = new();
    private readonly AlignedMemory _rows;       // positions [MaxBatchRows], slices of rows [MaxBatchRows]
    private int _busy;
    private bool _disposed;

    /// <summary>Packs the weights and takes all memory that steps will need.</summary>
    /// <param name="graph">The model.</param>
    /// <param name="options">Sizes.</param>
    /// <param name="fusions">What may be put together.</param>
    /// <param name="tier">What multiplies; null for <see cref="Tier.Best"/>.</param>
    /// <param name="walked">Makes the list to walk of the compiled kernels; for what puts something between or around them, such as observers.</param>
    public CpuRunner(ModelGraph graph, RunnerOptions options, CpuFusions fusions = CpuFusions.All, Tier? tier = null, Func<CpuKernel[], CpuKernel[]>? walked = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.KvBlocks, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.KvBlockTokens, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxBatchRows, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxOutputRows, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfNegative(options.Threads, nameof(options));
        if (!graph.StateLayers.IsEmpty)
            ArgumentOutOfRangeException.ThrowIfLessThan(options.StateSlots, 1, nameof(options));
        tier ??= Tier.Best;
        if (CpuCompiler.WhyNot(graph, tier) is { } reason)
            throw new UnsupportedModelException(reason);

        _options = options;
        _compiled = CpuCompiler.Compile(graph, options, fusions, tier);
        try
        {
            _check = new BatchCheck(options, _compiled.Vocabulary, _compiled.Positions, _compiled.NeedsWholeTexts, !graph.StateLayers.IsEmpty, _compiled.Logits.Width);
            _rows = new AlignedMemory(2L * options.MaxBatchRows * sizeof(int));
            _team = new WorkerTeam(walked?.Invoke(_compiled.Kernels) ?? _compiled.Kernels, options.Threads);
        }
        catch
        {
            _rows?.Dispose();
            _compiled.Dispose();
            throw;
        }

        _step.Positions = (int*)_rows.Start;
        _step.RowSlices = _step.Positions + options.MaxBatchRows;
    }

    /// <inheritdoc/>
    public int KvBlocks => _options.KvBlocks;

    /// <inheritdoc/>
    public string? KvLayout => _compiled.Kv.SavedBytes <= int.MaxValue ? $"cpu/1/{_options.KvType}" : null;

    /// <inheritdoc/>
    public int KvBlockBytes => checked((int)_compiled.Kv.SavedBytes);

    /// <summary>The threads that run a step, the calling one included.</summary>
    public int Threads => _team.Count;

    /// <inheritdoc/>
    public void Run(in Batch batch, Span<float> logits)
    {
        Enter();
        try
        {
            _check.Require(batch, logits);
            PlaceRows(batch.Slices);
            fixed (int* tokens = batch.Tokens, blocks = batch.KvBlocks, outputs = batch.OutputRows)
            fixed (BatchSlice* slices = batch.Slices)
            {
                _step.Rows = batch.Tokens.Length;
                _step.Tokens = tokens;
                _step.Slices = slices;
                _step.SliceCount = batch.Slices.Length;
                _step.KvBlocks = blocks;
                _step.OutputRows = outputs;
                _step.OutputRowCount = batch.OutputRows.Length;
                _team.Run(_step);
            }

            var result = _compiled.Logits;
            new ReadOnlySpan<float>(result.Data, result.RowsIn(_step) * result.Width).CopyTo(logits);
        }
        finally
        {
            Leave();
        }
    }

    /// <inheritdoc/>
    public void CopyKvBlock(int from, int to)
    {
        Enter();
        try
        {
            _compiled.Kv.CopyBlock(from, to);
        }
        finally
        {
            Leave();
        }
    }

    /// <inheritdoc/>
    public void ReadKvBlock(int block, int positions, Span<byte> bytes)
    {
        Enter();
        try
        {
            _compiled.Kv.ReadBlock(block, positions, bytes);
        }
        finally
        {
            Leave();
        }
    }

    /// <inheritdoc/>
    public void WriteKvBlock(int block, ReadOnlySpan<byte> bytes)
    {
        Enter();
        try
        {
            _compiled.Kv.WriteBlock(block, bytes);
        }
        finally
        {
            Leave();
        }
    }

    /// <inheritdoc/>
    public void CopyState(int from, int to)
    {
        Enter();
        try
        {
            _compiled.States.Copy(from, to);
        }
        finally
        {
            Leave();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed)
            return;
        Enter();
        _disposed = true;
        _team.Dispose();
        _compiled.Dispose();
        _rows.Dispose();
        Leave();
    }

    private void PlaceRows(ReadOnlySpan<BatchSlice> slices)
    {
        var row = 0;
        for (var slice = 0; slice < slices.Length; slice++)
        {
            for (var i = 0; i < slices[slice].Rows; i++, row++)
            {
                _step.Positions[row] = slices[slice].Past + i;
                _step.RowSlices[row] = slice;
            }
        }
    }

    private void Enter()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (Interlocked.Exchange(ref _busy, 1) != 0)
            throw new InvalidOperationException("A runner serves one caller at a time.");
    }

    private void Leave() => Volatile.Write(ref _busy, 0);
}
