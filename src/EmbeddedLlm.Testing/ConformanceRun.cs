using EmbeddedLlm.Backends;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Testing;

/// <summary>The same graph loaded by a backend and by the reference, fed with the same batches.</summary>
internal sealed class ConformanceRun : IDisposable
{
    public const int BlockTokens = 4;
    public const int Blocks = 48;
    public const int MaxRows = 64;
    public const int StateSlots = 6;

    private readonly IModelRunner _runner;
    private readonly IModelRunner _reference;
    private readonly int _vocabulary;
    private readonly double _bound;
    private readonly List<float> _found = [];
    private readonly List<float> _expected = [];

    private ConformanceRun(IBackend backend, ModelGraph graph, KvType kvType, double bound)
    {
        var options = new RunnerOptions { KvBlockTokens = BlockTokens, KvBlocks = Blocks, StateSlots = StateSlots, KvType = kvType, MaxBatchRows = MaxRows, MaxOutputRows = MaxRows };
        _vocabulary = graph.Logits.Width;
        _bound = bound;
        _reference = new ReferenceBackend().Load(graph, options);
        _runner = backend.Load(graph, options);
    }

    /// <summary>Runs <paramref name="feed"/> and compares all its logits; returns the reason where the backend declines.</summary>
    public static string? Check(IBackend backend, ModelGraph graph, KvType kvType, double bound, Action<ConformanceRun> feed) => Check(backend, graph, kvType, bound, run =>
    {
        feed(run);
        return null;
    });

    /// <summary>As the other; <paramref name="feed"/> too may say why the backend declines.</summary>
    public static string? Check(IBackend backend, ModelGraph graph, KvType kvType, double bound, Func<ConformanceRun, string?> feed)
    {
        var offer = backend.Offer(graph);
        if (!offer.CanRun)
            return string.IsNullOrWhiteSpace(offer.Reason) ? throw new ConformanceException("The backend declines without a reason.") : offer.Reason;

        using var run = new ConformanceRun(backend, graph, kvType, bound);
        var reason = feed(run);
        run.Compare();
        return reason;
    }

    /// <summary>Rows of one sequence in blocks of their own from <paramref name="firstBlock"/> on; all their logits are asked for.</summary>
    public void Feed(ReadOnlySpan<int> tokens, int past = 0, int firstBlock = 0)
    {
        var blocks = Enumerable.Range(firstBlock, (past + tokens.Length + BlockTokens - 1) / BlockTokens).ToArray();
        Feed(tokens, [new BatchSlice(tokens.Length, past, 0, blocks.Length)], blocks, Enumerable.Range(0, tokens.Length).ToArray());
    }

    public void Feed(ReadOnlySpan<int> tokens, ReadOnlySpan<BatchSlice> slices, ReadOnlySpan<int> blocks, ReadOnlySpan<int> outputRows)
    {
        var batch = new Batch { Tokens = tokens, Slices = slices, KvBlocks = blocks, OutputRows = outputRows };
        var logits = new float[outputRows.Length * _vocabulary];
        _reference.Run(batch, logits);
        _expected.AddRange(logits);
        Array.Fill(logits, float.NaN);      // what the backend leaves untouched must show
        _runner.Run(batch, logits);
        _found.AddRange(logits);
    }

    public void CopyKvBlock(int from, int to)
    {
        _runner.CopyKvBlock(from, to);
        _reference.CopyKvBlock(from, to);
    }

    /// <summary>Whether the backend's KV blocks can be read and written.</summary>
    public bool ReadsKvBlocks => _runner.KvLayout is not null;

    /// <summary>Reads a block, spoils it, and writes what was read to another.</summary>
    public void MoveKvBlock(int from, int to, int positions)
    {
        Move(_reference, from, to, positions);
        Move(_runner, from, to, positions);
    }

    /// <summary>Requires that two blocks whose first positions hold the same give the same bytes, whatever else is or was in them.</summary>
    public void RequireEqualKvBlocks(int first, int second, int positions)
    {
        if (!Read(_runner, first, positions).AsSpan().SequenceEqual(Read(_runner, second, positions)))
            throw new ConformanceException($"KV blocks {first} and {second} hold the same keys and values at {positions} positions: expected equal bytes, found others.");
    }

    public void CopyState(int from, int to)
    {
        _runner.CopyState(from, to);
        _reference.CopyState(from, to);
    }

    public void Dispose()
    {
        _runner.Dispose();
        _reference.Dispose();
    }

    private static void Move(IModelRunner runner, int from, int to, int positions)
    {
        var bytes = Read(runner, from, positions);
        runner.WriteKvBlock(from, new byte[bytes.Length]);
        runner.WriteKvBlock(to, bytes);
        if (!bytes.AsSpan().SequenceEqual(Read(runner, to, positions)))
            throw new ConformanceException($"KV block {to} was written: expected to read the same bytes, found others.");
    }

    private static byte[] Read(IModelRunner runner, int block, int positions)
    {
        var bytes = new byte[runner.KvBlockBytes];
        Array.Fill(bytes, (byte)0xA5);      // what the backend leaves untouched must show
        runner.ReadKvBlock(block, positions, bytes);
        return bytes;
    }

    private void Compare()
    {
        double size = 0, difference = 0, peak = 0;
        var worst = 0;
        for (var i = 0; i < _expected.Count; i++)
        {
            if (!float.IsFinite(_found[i]))
                throw new ConformanceException($"Row {i / _vocabulary}, column {i % _vocabulary}: found {_found[i]}, expected {_expected[i]}.");
            var distance = Math.Abs((double)_found[i] - _expected[i]);
            size += (double)_expected[i] * _expected[i];
            difference += distance * distance;
            if (distance > peak)
                (peak, worst) = (distance, i);
        }

        size = Math.Sqrt(size / _expected.Count);
        difference = Math.Sqrt(difference / _expected.Count);
        if (difference > _bound * size || peak > ConformanceBounds.Peak * _bound * size)
        {
            throw new ConformanceException(
                $"Relative difference {difference / size:g3} (bound {_bound:g3}), largest {peak / size:g3} (bound {ConformanceBounds.Peak * _bound:g3}) " +
                $"at row {worst / _vocabulary}, column {worst % _vocabulary}: found {_found[worst]}, expected {_expected[worst]}.");
        }
    }
}
