using EmbeddedLlm.Backends;

namespace EmbeddedLlm.Tests.Chat;

/// <summary>
/// A runner without weights: its KV memory holds the tokens themselves, so each output row sees the whole text of its sequence
/// and a script says what comes next. The token that the script names gets all the probability.
/// </summary>
internal sealed class ForcedTokensRunner(int vocabulary, RunnerOptions options, Func<int[], int> next) : IModelRunner
{
    private readonly int[] _kv = new int[options.KvBlocks * options.KvBlockTokens];
    private int _running;

    /// <summary>Called at the begin of each step with its number, from 1 on.</summary>
    public Action<int>? OnStep { get; set; }

    /// <summary>Steps so far.</summary>
    public int Steps { get; private set; }

    /// <summary>The most sequences that were in one step.</summary>
    public int MostSequences { get; private set; }

    public bool IsDisposed { get; private set; }

    public int KvBlocks => options.KvBlocks;

    public void Run(in Batch batch, Span<float> logits)
    {
        Assert.Equal(1, Interlocked.Increment(ref _running)); // one caller at a time
        try
        {
            Step(batch, logits);
            ObjectDisposedException.ThrowIf(IsDisposed, this); // not while a step runs
        }
        finally
        {
            Interlocked.Decrement(ref _running);
        }
    }

    public void CopyKvBlock(int from, int to) =>
        _kv.AsSpan(from * options.KvBlockTokens, options.KvBlockTokens).CopyTo(_kv.AsSpan(to * options.KvBlockTokens));

    public void Dispose() => IsDisposed = true;

    private void Step(in Batch batch, Span<float> logits)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        OnStep?.Invoke(++Steps);
        MostSequences = Math.Max(MostSequences, batch.Slices.Length);

        logits.Fill(-1000);
        var (row, output) = (0, 0);
        foreach (var slice in batch.Slices)
        {
            var blocks = batch.KvBlocks.Slice(slice.KvStart, slice.KvCount);
            for (var i = 0; i < slice.Rows; i++, row++)
            {
                _kv[Place(blocks, slice.Past + i)] = batch.Tokens[row];
                if (output < batch.OutputRows.Length && batch.OutputRows[output] == row)
                    logits[(output++ * vocabulary) + next(History(blocks, slice.Past + i + 1))] = 1000;
            }
        }
    }

    private int Place(ReadOnlySpan<int> blocks, int position) =>
        (blocks[position / options.KvBlockTokens] * options.KvBlockTokens) + (position % options.KvBlockTokens);

    private int[] History(ReadOnlySpan<int> blocks, int length)
    {
        var history = new int[length];
        for (var position = 0; position < length; position++)
            history[position] = _kv[Place(blocks, position)];
        return history;
    }
}
