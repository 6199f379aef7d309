using System.Diagnostics;
using EmbeddedLlm.Backends;
using EmbeddedLlm.KvCache;
using EmbeddedLlm.Sampling;
using Microsoft.Extensions.Logging;

namespace EmbeddedLlm.Engine;

/// <summary>
/// One step of all requests together: schedule, run, sample, hand over. The engine's thread calls it again and again; it knows of no thread
/// itself.
/// </summary>
internal sealed class Stepper
{
    private readonly IModelRunner _runner;
    private readonly EngineOptions _options;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly BlockPool _pool;
    private readonly Scheduler _scheduler;
    private readonly Step _step;
    private readonly SamplerScratch _scratch;
    private readonly List<Sequence> _removed = [];
    private float[] _logits = [];                                           // [outputs × vocabulary]
    private long _promptTokens, _generatedTokens;

    public Stepper(IModelRunner runner, EngineOptions options, ILogger logger, TimeProvider time)
    {
        (_runner, _options, _logger, _time) = (runner, options, logger, time);
        _pool = new(runner.KvBlocks, options.KvBlockTokens);
        _scheduler = new(_pool, options);
        _step = new(options.MaxBatchRows, options.MaxSequences);
        _scratch = new(options.VocabularySize);
    }

    public BlockPool Pool => _pool;

    public bool IsIdle => _scheduler.IsIdle;

    /// <summary>How many requests have not ended.</summary>
    public int Count => _scheduler.Running + _scheduler.Waiting;

    /// <summary>The requests that have not ended.</summary>
    public IEnumerable<Sequence> Sequences => _scheduler.Sequences;

    public EngineStats Stats => new(
        _scheduler.Running, _scheduler.Waiting, _pool.Count, _pool.Count - _pool.Free, _pool.Cached, _promptTokens, _generatedTokens);

    public void Add(Sequence sequence) => _scheduler.Add(sequence);

    /// <summary>Does one step, if there is anything to do. A failure of the backend ends the requests that took part, and no others.</summary>
    public void Run()
    {
        _scheduler.RemoveAbandoned(_removed);
        foreach (var sequence in _removed)
        {
            End(sequence, null);
            _logger.Abandoned(sequence.Stream.PromptTokens, sequence.Stream.GeneratedTokens);
        }
        if (_scheduler.IsIdle)
            return;

        _scheduler.Next(_step);
        foreach (var sequence in _step.Preempted)
            _logger.Preempted(sequence.Count);
        foreach (var sequence in _step.Admitted)
            if (!sequence.WasPreempted)
                CountPrompt(sequence);
        if (TryRunBatch())
            TakeTokens();
    }

    /// <summary>Ends a request that has left the scheduler.</summary>
    public static void End(Sequence sequence, Exception? failure)
    {
        if (failure is not null)
            sequence.Stream.Fail(failure);
        sequence.Cancellation.Unregister();
        EngineTelemetry.EndRequest(sequence.Activity, sequence.Stream, failure);
    }

    private bool TryRunBatch()
    {
        var needed = _step.Outputs * _options.VocabularySize;
        try
        {
            if (_logits.Length < needed)
                _logits = new float[needed];
            foreach (var (from, to) in _step.Copies)
                _runner.CopyKvBlock(from, to);
            _runner.Run(_step.Batch, _logits.AsSpan(0, needed));
            return true;
        }
        catch (Exception failure)
        {
            // What the step wrote or copied is not trusted; all that is for sequences with rows.
            _logger.StepFailed(_step.Batch.Tokens.Length, _step.Sequences.Count, failure);
            foreach (var sequence in _step.Sequences)
            {
                _scheduler.Discard(sequence);
                End(sequence, new LlmException($"The backend failed while it computed this request: {failure.Message}", failure));
            }
            return false;
        }
    }

    private void TakeTokens()
    {
        var before = _generatedTokens;
        var output = 0;
        for (var i = 0; i < _step.Sequences.Count; i++)
        {
            var sequence = _step.Sequences[i];
            var isOutput = _step.Rows(i) == sequence.Remaining;
            Scheduler.Advance(sequence, _step.Rows(i));
            if (isOutput)
                TakeToken(sequence, _logits.AsSpan(output++ * _options.VocabularySize, _options.VocabularySize));
        }
        EngineTelemetry.CountGenerated((int)(_generatedTokens - before), _options.Tags);
    }

    private void TakeToken(Sequence sequence, Span<float> logits)
    {
        int token;
        try
        {
            token = sequence.Sampler.Sample(logits, sequence.Tokens, _scratch);
        }
        catch (Exception failure)
        {
            _logger.SamplingFailed(failure);
            _scheduler.Discard(sequence);
            End(sequence, failure as LlmException ?? new LlmException($"No token could be sampled: {failure.Message}", failure));
            return;
        }
        if (sequence.StopTokens.Contains(token))
        {
            Complete(sequence, StopReason.Stop);
            return;
        }

        if (sequence.Stream.GeneratedTokens == 0)
            EngineTelemetry.CountFirstToken(_time.GetElapsedTime(sequence.Arrival), _options.Tags);
        _generatedTokens++;
        sequence.Append(token);
        sequence.Stream.Write(token);
        if (sequence.IsComplete)
            Complete(sequence, StopReason.Length);
    }

    private void Complete(Sequence sequence, StopReason reason)
    {
        _scheduler.Remove(sequence);
        sequence.Stream.End(reason);
        End(sequence, null);
        _logger.Ended(reason, sequence.Stream.PromptTokens, sequence.Stream.CachedTokens, sequence.Stream.GeneratedTokens);
    }

    private void CountPrompt(Sequence sequence)
    {
        _promptTokens += sequence.Stream.PromptTokens;
        EngineTelemetry.CountPrompt(sequence.Stream.PromptTokens, _time.GetElapsedTime(sequence.Arrival), _options.Tags);
    }
}
