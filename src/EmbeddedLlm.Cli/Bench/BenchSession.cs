using System.Diagnostics;
using EmbeddedLlm.Backends;

namespace EmbeddedLlm.Cli.Bench;

/// <summary>Times steps of a runner with random tokens, each sequence in KV blocks of its own.</summary>
internal sealed class BenchSession
{
    private readonly IModelRunner _runner;
    private readonly RunnerOptions _options;
    private readonly int _vocabulary;
    private readonly float[] _logits;
    private readonly int[] _tokens;

    public BenchSession(IModelRunner runner, RunnerOptions options, int vocabulary)
    {
        (_runner, _options, _vocabulary) = (runner, options, vocabulary);
        _logits = new float[options.MaxOutputRows * vocabulary];
        var random = new Random(1);
        _tokens = [.. Enumerable.Range(0, options.MaxBatchRows).Select(_ => random.Next(vocabulary))];
    }

    /// <summary>Blocks that one sequence of so many positions needs.</summary>
    public static int BlocksFor(int positions, RunnerOptions options) => (positions + options.KvBlockTokens - 1) / options.KvBlockTokens;

    /// <summary>Gives each sequence a past of <paramref name="depth"/> positions, where <see cref="Decode"/> with so many steps looks for it.</summary>
    public void Fill(int depth, int steps, int parallel, CancellationToken cancellation)
    {
        for (var i = 0; i < parallel; i++)
            Prefill(0, depth, cancellation, i * BlocksFor(depth + steps, _options), i);
    }

    /// <summary>Seconds to prefill <paramref name="tokens"/> positions behind <paramref name="depth"/> others, in blocks from <paramref name="firstBlock"/> on.</summary>
    public double Prefill(int depth, int tokens, CancellationToken cancellation, int firstBlock = 0, int state = 0)
    {
        var start = Stopwatch.GetTimestamp();
        for (var past = depth; past < depth + tokens; past += _options.MaxBatchRows)
        {
            cancellation.ThrowIfCancellationRequested();
            var rows = Math.Min(_options.MaxBatchRows, depth + tokens - past);
            var blocks = Enumerable.Range(firstBlock, BlocksFor(past + rows, _options)).ToArray();
            _runner.Run(
                new Batch { Tokens = _tokens.AsSpan(0, rows), Slices = [new BatchSlice(rows, past, 0, blocks.Length) { StateFrom = state, StateTo = state }], KvBlocks = blocks, OutputRows = [rows - 1] },
                _logits.AsSpan(0, _vocabulary));
        }

        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>Seconds for <paramref name="steps"/> steps of one token for each of <paramref name="parallel"/> sequences at <paramref name="depth"/>.</summary>
    public double Decode(int depth, int steps, int parallel, CancellationToken cancellation)
    {
        var perSequence = BlocksFor(depth + steps, _options);
        var blocks = Enumerable.Range(0, perSequence * parallel).ToArray();
        var rows = Enumerable.Range(0, parallel).ToArray();
        var slices = new BatchSlice[parallel];
        var start = Stopwatch.GetTimestamp();
        for (var step = 0; step < steps; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            for (var i = 0; i < parallel; i++)
                slices[i] = new BatchSlice(1, depth + step, i * perSequence, perSequence) { StateFrom = i, StateTo = i };
            _runner.Run(
                new Batch { Tokens = _tokens.AsSpan(0, parallel), Slices = slices, KvBlocks = blocks, OutputRows = rows },
                _logits.AsSpan(0, parallel * _vocabulary));
        }

        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
