using System.Buffers.Binary;
using System.Diagnostics;
using System.Security.Cryptography;
using EmbeddedLlm.Backends;
using Microsoft.Extensions.Logging;

namespace EmbeddedLlm.Engine;

/// <summary>
/// Runs the requests of one model together: one thread owns the loop, and sleeps while there is nothing to do. Requests join and leave at
/// any step. The engine does not own the runner: dispose the engine first, then the runner.
/// </summary>
internal sealed class InferenceEngine : IDisposable, IAsyncDisposable
{
    private readonly IModelRunner _runner;
    private readonly EngineOptions _options;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly TagList _tags;
    private readonly Thread _thread;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private readonly object _gate = new();                                  // guards the next three; signalled when one changes
    private readonly Queue<Sequence> _arrivals = [];
    private readonly Queue<Errand> _errands = [];
    private bool _isDisposed;

    private volatile Stepper _stepper;                                      // used by the loop's thread alone, but for its counts

    /// <summary>Starts the loop.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A size in the options makes no sense.</exception>
    public InferenceEngine(IModelRunner runner, EngineOptions options, ILogger logger, TimeProvider? time = null)
    {
        options.Validate();
        (_runner, _options, _logger, _time) = (runner, options, new GuardedLogger(logger), time ?? TimeProvider.System);
        Layout = runner.KvLayout is { } layout && options.StateSlots == 0 ? new(layout, options.KvBlockTokens, runner.KvBlockBytes) : null;
        ContextLength = (int)Math.Min(options.ContextLength, (long)runner.KvBlocks * options.KvBlockTokens);
        _tags = options.Tags;
        _stepper = new(runner, options, _logger, _time);
        _thread = new(Loop) { IsBackground = true, Name = $"EmbeddedLlm {options.Model}" };
        _thread.UnsafeStart();                                              // fails where memory is short, and then nothing is left of this engine
        EngineTelemetry.Add(this, _tags);
        _logger.Started(options.Model, ContextLength, runner.KvBlocks, options.KvBlockTokens, options.MaxBatchRows, options.MaxSequences);
    }

    /// <summary>The most tokens, prompt and answer together, that a request may have: the context, or what the KV memory holds if that is less.</summary>
    public int ContextLength { get; }

    /// <summary>
    /// The layout of KV blocks that can be copied; null where they cannot: the runner gives none out, or the model is recurrent, whose blocks are of no use
    /// without its states.
    /// </summary>
    public PrefixLayout? Layout { get; }

    /// <summary>Whether the model is recurrent.</summary>
    public bool IsRecurrent => _options.StateSlots > 0;

    /// <summary>What the engine is doing.</summary>
    public EngineStats Stats
    {
        get
        {
            var stats = _stepper.Stats;
            lock (_gate)
                return stats with { Waiting = stats.Waiting + _arrivals.Count };
        }
    }

    /// <summary>Takes a request in; its tokens come from the stream. Never waits.</summary>
    /// <param name="request">What to generate.</param>
    /// <param name="cancellationToken">Ends the request within one step; the stream then throws <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="ArgumentException">The prompt is empty or has a token that the vocabulary lacks, or <c>MaxTokens</c> is below 1.</exception>
    /// <exception cref="ContextFullException">The prompt leaves no room for an answer.</exception>
    /// <exception cref="QueueFullException">Too many requests wait.</exception>
    /// <exception cref="ObjectDisposedException">The engine is disposed.</exception>
    public TokenStream Start(GenerationRequest request, CancellationToken cancellationToken = default)
    {
        Check(request);
        var prompt = request.Prompt.Length;
        var stream = new TokenStream(prompt, request.TopLogprobs is not null);
        var sequence = new Sequence(request, request.Seed ?? RandomSeed(), (int)Math.Min((long)prompt + request.MaxTokens, ContextLength), stream)
        {
            Arrival = _time.GetTimestamp(),
            Activity = EngineTelemetry.BeginRequest(prompt, _tags),
        };
        sequence.Cancellation = cancellationToken.UnsafeRegister(static (stream, token) => ((TokenStream)stream!).Cancel(token), stream);
        try
        {
            lock (_gate)
            {
                if (_isDisposed)
                    throw Disposed("was disposed");
                if (_arrivals.Count + _stepper.Count >= (long)_options.MaxSequences + _options.MaxQueuedRequests)
                    throw new QueueFullException(_options.MaxQueuedRequests);
                _arrivals.Enqueue(sequence);
                Monitor.Pulse(_gate);
            }
        }
        catch (Exception failure)
        {
            Stepper.End(sequence, failure);
            throw;
        }
        return stream;
    }

    /// <summary>Reads KV blocks between two steps; see <see cref="PrefixBlocks.Read"/>. There must be a <see cref="Layout"/>.</summary>
    /// <exception cref="LlmException">The backend failed.</exception>
    /// <exception cref="ObjectDisposedException">The engine is disposed.</exception>
    public Task<int> ReadPrefixAsync(long key, ReadOnlyMemory<int> tokens, int first, Memory<byte> bytes) =>
        Send(blocks => blocks.Read(key, tokens.Span, first, bytes.Span));

    /// <summary>Writes KV blocks between two steps; see <see cref="PrefixBlocks.Write"/>. There must be a <see cref="Layout"/>.</summary>
    /// <inheritdoc cref="ReadPrefixAsync"/>
    public Task<int> WritePrefixAsync(long key, ReadOnlyMemory<int> tokens, int first, ReadOnlyMemory<byte> bytes) =>
        Send(blocks => blocks.Write(key, tokens.Span, first, bytes.Span));

    /// <summary>
    /// Ends the loop after the step that runs, and every open request with <see cref="ObjectDisposedException"/>. Returns when the runner is
    /// no longer in use; may be called again, and from any thread.
    /// </summary>
    public void Dispose()
    {
        Stop();
        if (Thread.CurrentThread != _thread)
            _thread.Join();
    }

    /// <inheritdoc cref="Dispose"/>
    public ValueTask DisposeAsync()
    {
        Stop();
        return new(_ended.Task);
    }

    private Task<int> Send(Func<PrefixBlocks, int> work)
    {
        var errand = new Errand(work);
        lock (_gate)
        {
            if (_isDisposed)
                throw Disposed("was disposed");
            _errands.Enqueue(errand);
            Monitor.Pulse(_gate);
        }

        return errand.Result;
    }

    private void Stop()
    {
        lock (_gate)
        {
            _isDisposed = true;
            Monitor.Pulse(_gate);
        }
    }

    private void Check(GenerationRequest request)
    {
        if (request.Prompt.IsEmpty)
            throw new ArgumentException("The prompt has no token.", nameof(request));
        foreach (var token in request.Prompt.Span)
            if ((uint)token >= (uint)_options.VocabularySize)
                throw new ArgumentOutOfRangeException(nameof(request), token, $"The prompt has token {token}; the vocabulary ends at {_options.VocabularySize - 1}.");
        ArgumentOutOfRangeException.ThrowIfLessThan(request.MaxTokens, 1);
        if (request.Prompt.Length >= ContextLength)
            throw new ContextFullException(request.Prompt.Length, ContextLength);
    }

    private void Loop()
    {
        try
        {
            var errands = new Queue<Errand>();
            while (TakeArrivals(errands))
            {
                Step();
                while (errands.TryDequeue(out var errand))
                    errand.Run(_stepper.Prefixes);
            }

            Close();
        }
        finally
        {
            _ended.SetResult();
        }
    }

    // Waits while there is nothing to do; false when it is time to end.
    private bool TakeArrivals(Queue<Errand> errands)
    {
        lock (_gate)
        {
            while (_arrivals.Count == 0 && _errands.Count == 0 && _stepper.IsIdle && !_isDisposed)
                Monitor.Wait(_gate);
            if (_isDisposed)
                return false;
            while (_arrivals.TryDequeue(out var sequence))
                _stepper.Add(sequence);
            while (_errands.TryDequeue(out var errand))
                errands.Enqueue(errand);
            return true;
        }
    }

    private void Step()
    {
        try
        {
            _stepper.Run();
        }
        catch (Exception failure)
        {
            // Not the backend, whose failures end a step: something in the engine. No request may hang for it.
            var lost = _stepper;
            _stepper = new(_runner, _options, _logger, _time);
            Fail([.. lost.Sequences], new LlmException($"The engine failed while it computed this request: {failure.Message}", failure));
            _logger.EngineFailed(_options.Model, failure);
        }
    }

    private void Close()
    {
        Sequence[] open;
        lock (_gate)
            open = [.. _stepper.Sequences, .. _arrivals];
        Fail(open, Disposed("was disposed while it was answering"));
        while (_errands.TryDequeue(out var errand))                         // none comes any more
            errand.Fail(Disposed("was disposed while KV blocks were copied"));
        EngineTelemetry.Remove(this);
        _logger.Stopped(_options.Model, open.Length);
    }

    // In the words of those who use the model: they never see an engine.
    private ObjectDisposedException Disposed(string what) => new($"model '{_options.Model}'", $"The model '{_options.Model}' {what}.");

    private static void Fail(Sequence[] sequences, Exception failure)
    {
        foreach (var sequence in sequences)
            Stepper.End(sequence, failure);
    }

    private static long RandomSeed()
    {
        Span<byte> seed = stackalloc byte[sizeof(long)];
        RandomNumberGenerator.Fill(seed);
        return BinaryPrimitives.ReadInt64LittleEndian(seed);
    }
}
