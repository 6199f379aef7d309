using System.Diagnostics;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Engine.Drafts;
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
    private readonly MaskWork _masks = new();
    private TokenScorer? _scorer;                                           // once somebody asks
    private readonly List<Sequence> _removed = [];
    private float[] _logits = [];                                           // [outputs × vocabulary]
    private long _promptTokens, _generatedTokens, _draftedTokens, _acceptedTokens;

    public Stepper(IModelRunner runner, EngineOptions options, ILogger logger, TimeProvider time)
    {
        (_runner, _options, _logger, _time) = (runner, options, logger, time);
        _pool = new(runner.KvBlocks, options.KvBlockTokens, options.StateSlots > 0 ? new(options.StateSlots) : null);
        _scheduler = new(_pool, options, options.Drafter is { } drafter ? new(drafter(), _pool, options, logger) : null);
        _step = new(options.MaxBatchRows, options.MaxSequences, options.MaxOutputRows);
        _scratch = new(options.VocabularySize);
    }

    public BlockPool Pool => _pool;

    /// <summary>Copies KV blocks; between steps only.</summary>
    public PrefixBlocks Prefixes => new(_runner, _pool);

    public bool IsIdle => _scheduler.IsIdle;

    /// <summary>How many requests have not ended.</summary>
    public int Count => _scheduler.Running + _scheduler.Waiting;

    /// <summary>The requests that have not ended.</summary>
    public IEnumerable<Sequence> Sequences => _scheduler.Sequences;

    public EngineStats Stats => new(
        _scheduler.Running, _scheduler.Waiting, _pool.Count, _pool.Count - _pool.Free, _pool.Cached, _promptTokens, _generatedTokens, _draftedTokens, _acceptedTokens);

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
        _masks.Begin(_step.Sequences);
        var hasRun = TryRunBatch();
        _masks.Finish();
        if (hasRun)
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
            foreach (var (from, to) in _step.StateCopies)
                _runner.CopyState(from, to);
            _runner.Run(_step.Batch, _logits.AsSpan(0, needed));
            return true;
        }
        catch (Exception failure)
        {
            // What the step wrote or copied is not trusted; all that is for sequences with rows.
            _logger.StepFailed(_step.Batch.Tokens.Length, _step.Sequences.Count, failure);
            _scheduler.DistrustCopies();
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
        var (generated, drafted, accepted) = (_generatedTokens, _draftedTokens, _acceptedTokens);
        var output = 0;
        for (var i = 0; i < _step.Sequences.Count; i++)
        {
            var sequence = _step.Sequences[i];
            var isOutput = _step.Rows(i) >= sequence.Remaining;
            var outputs = isOutput ? 1 + sequence.Draft.Length : 0;
            _scheduler.Advance(sequence, isOutput ? sequence.Remaining : _step.Rows(i));
            if (isOutput)
                TakeTokens(sequence, output);
            output += outputs;
        }
        EngineTelemetry.CountGenerated((int)(_generatedTokens - generated), _options.Tags);
        EngineTelemetry.CountDrafted((int)(_draftedTokens - drafted), (int)(_acceptedTokens - accepted), _options.Tags);
    }

    // Goes on while the model says what the draft said: the row behind a right token was computed as if it had been known.
    private void TakeTokens(Sequence sequence, int output)
    {
        var (drafted, accepted) = (sequence.Draft.Length, 0);
        _draftedTokens += drafted;
        sequence.Stream.DraftedTokens += drafted;
        for (; TakeToken(sequence, _logits.AsSpan((output + accepted) * _options.VocabularySize, _options.VocabularySize), accepted); accepted++)
            _scheduler.Advance(sequence, 1);
        _scheduler.Settle(sequence, isRight: accepted == drafted);
        sequence.Allowance.Settle(drafted, accepted);
    }

    // Whether there is more to take: the request goes on, and the token is the one drafted.
    private bool TakeToken(Sequence sequence, Span<float> logits, int row)
    {
        int token;
        int[] forced = [];
        TokenScore? score = null;
        try
        {
            if (sequence.TopLogprobs is not null)
                (_scorer ??= new(_options.VocabularySize, _scratch)).Keep(logits);
            token = sequence.Sampler.Sample(logits, sequence.Tokens, _scratch, sequence.Guide is null ? default : sequence.Guide.Mask(row));
            if (sequence.TopLogprobs is { } top)
                score = _scorer!.Score(token, top);
            if (sequence.Guide is { } guide && !sequence.StopTokens.Contains(token))
            {
                guide.Accept(token);
                if (score is null)
                    forced = guide.TakeForced();                            // they have no logits, and so no score
            }
        }
        catch (Exception failure)
        {
            _logger.SamplingFailed(failure);
            _scheduler.Discard(sequence);
            End(sequence, failure as LlmException ?? new LlmException($"No token could be sampled: {failure.Message}", failure));
            return false;
        }
        if (sequence.StopTokens.Contains(token))
        {
            Complete(sequence, StopReason.Stop);
            return false;
        }

        if (sequence.Stream.GeneratedTokens == 0)
            EngineTelemetry.CountFirstToken(_time.GetElapsedTime(sequence.Arrival), _options.Tags);
        var isDrafted = Append(sequence, token, score);
        if (isDrafted)
        {
            _acceptedTokens++;
            sequence.Stream.AcceptedTokens++;
        }
        var appended = 0;
        for (; appended < forced.Length && !sequence.IsComplete; appended++)
        {
            if (sequence.StopTokens.Contains(forced[appended]))
            {
                Complete(sequence, StopReason.Stop);
                return false;
            }
            Append(sequence, forced[appended], null);
        }
        if (sequence.Guide is { IsFinished: true } && appended == forced.Length)
            Complete(sequence, StopReason.Stop);
        else if (sequence.IsComplete)
            Complete(sequence, StopReason.Length);
        else if (forced.Length == 0)
            return isDrafted;
        else
            sequence.CutDraft(0);                                           // its rows were computed without the forced tokens
        return false;
    }

    private bool Append(Sequence sequence, int token, TokenScore? score)
    {
        _generatedTokens++;
        sequence.Stream.Write(token, score);
        return sequence.Append(token);
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
