using System.Diagnostics;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Engine;
using Microsoft.Extensions.Logging;

namespace EmbeddedLlm.Embeddings;

/// <summary>
/// Computes the texts of all callers together: one thread owns the loop, and sleeps while there is nothing to do. A step takes a text of each
/// open call in turn until it is full, so a short call does not wait for a long one. The engine does not own the runner.
/// </summary>
internal sealed class EmbeddingEngine : IDisposable
{
    private readonly IModelRunner _runner;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly TagList _tags;
    private readonly EmbeddingBatch _batch;
    private readonly float[] _rows;                                         // [most output rows × width]
    private readonly List<EmbeddingRequest> _open = [];                     // of the loop's thread alone
    private readonly Thread _thread;

    private readonly object _gate = new();                                  // guards the next three; signalled when one changes
    private readonly Queue<EmbeddingRequest> _arrivals = [];
    private int _requests;
    private bool _isDisposed;

    public EmbeddingEngine(IModelRunner runner, EmbeddingSizes sizes, ILogger logger, TimeProvider? time = null)
    {
        (_runner, Sizes, _logger, _time) = (runner, sizes, new GuardedLogger(logger), time ?? TimeProvider.System);
        _tags = new() { { "model", sizes.Model } };
        _batch = new(sizes, runner.KvBlocks);
        _rows = new float[checked(Math.Max(sizes.MaxTexts, sizes.OutputRowsOf(Math.Max(sizes.BatchTokens, sizes.ContextLength))) * sizes.Width)];
        EmbeddingLog.Started(_logger, sizes.Model, sizes.Pooling, sizes.Width, sizes.ContextLength, sizes.BatchTokens, sizes.MaxTexts);
        _thread = new(Loop) { IsBackground = true, Name = $"EmbeddedLlm {sizes.Model}" };
        _thread.UnsafeStart();
    }

    public EmbeddingSizes Sizes { get; }

    /// <summary>The vector of each text, as pooled: not normalised.</summary>
    /// <param name="texts">Tokens of each, 1 to <see cref="EmbeddingSizes.ContextLength"/>.</param>
    /// <param name="cancellationToken">Ends the call at once, its computation after the step that runs.</param>
    /// <exception cref="QueueFullException">Too many calls are open.</exception>
    /// <exception cref="LlmException">The backend failed.</exception>
    /// <exception cref="ObjectDisposedException">The engine is disposed.</exception>
    public async Task<float[][]> RunAsync(IReadOnlyList<int[]> texts, CancellationToken cancellationToken)
    {
        if (texts.Count == 0)
            return [];
        var request = new EmbeddingRequest(texts, _time.GetTimestamp());
        lock (_gate)
        {
            if (_isDisposed)
                throw Disposed("was disposed");
            if (_requests >= Sizes.MaxRequests)
                throw new QueueFullException(Sizes.MaxRequests);
            _requests++;
            _arrivals.Enqueue(request);
            Monitor.Pulse(_gate);
        }

        try
        {
            using var registration = cancellationToken.UnsafeRegister(static (request, token) => ((EmbeddingRequest)request!).Cancel(token), request);
            return await request.Vectors.ConfigureAwait(false);
        }
        finally
        {
            lock (_gate)
                _requests--;
        }
    }

    /// <summary>Ends the loop after the step that runs, and every open call with <see cref="ObjectDisposedException"/>. Returns when the runner is no longer in use.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            Monitor.Pulse(_gate);
        }

        _thread.Join();
    }

    private void Loop()
    {
        while (TakeArrivals())
            Step();

        lock (_gate)
            _open.AddRange(_arrivals);
        foreach (var request in _open)
            request.Fail(Disposed("was disposed while it was computing"));
        EmbeddingLog.Stopped(_logger, Sizes.Model, _open.Count);
    }

    // Waits while there is nothing to do; false when it is time to end.
    private bool TakeArrivals()
    {
        lock (_gate)
        {
            while (_arrivals.Count == 0 && _open.Count == 0 && !_isDisposed)
                Monitor.Wait(_gate);
            while (_arrivals.TryDequeue(out var request))
                _open.Add(request);
            return !_isDisposed;
        }
    }

    private void Step()
    {
        _open.RemoveAll(request => request.IsOver);
        if (_open.Count == 0)
            return;

        try
        {
            Fill();
            _batch.Run(_runner, _rows);
        }
        catch (Exception failure)
        {
            EmbeddingLog.StepFailed(_logger, _batch.Rows, _batch.Requests.Count(), failure);
            foreach (var request in _batch.Requests)
                request.Fail(new LlmException($"The backend failed while it computed this request: {failure.Message}", failure));
        }
    }

    // A text of each open call in turn, until none fits any more. The oldest call comes first in every step, so it cannot starve.
    private void Fill()
    {
        _batch.Clear();
        for (var took = true; took;)
        {
            took = false;
            foreach (var request in _open)
            {
                if (request.IsOver)
                    continue;
                if (request.IsNew)
                    EngineTelemetry.CountPrompt(request.Tokens, _time.GetElapsedTime(request.Arrival), _tags);
                took |= _batch.TryTake(request);
            }
        }
    }

    private ObjectDisposedException Disposed(string what) => new($"model '{Sizes.Model}'", $"The model '{Sizes.Model}' {what}.");
}
