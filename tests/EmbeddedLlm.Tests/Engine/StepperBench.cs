using EmbeddedLlm.Engine;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using static EmbeddedLlm.Tests.Engine.EngineTesting;

namespace EmbeddedLlm.Tests.Engine;

/// <summary>A stepper over a scripted runner that checks the books after every step.</summary>
internal sealed class StepperBench
{
    private readonly OrderedDictionary<Sequence, GenerationRequest> _requests = [];
    private readonly EngineOptions _options;
    private readonly FakeLogger _logs = new();
    private readonly ScriptedRunner.Script? _script;

    public StepperBench(int kvBlocks, EngineOptions? options = null, ScriptedRunner.Script? script = null, ILogger? logger = null)
    {
        (_options, _script) = (options ?? Options, script);
        Runner = new(Vocabulary, kvBlocks, _options.KvBlockTokens, script, _options.StateSlots);
        Stepper = new(Runner, _options, logger ?? _logs, TimeProvider.System);
    }

    public ScriptedRunner Runner { get; }

    public Stepper Stepper { get; }

    public List<Sequence> Open => [.. Stepper.Sequences];

    public Sequence Add(GenerationRequest request)
    {
        request = request with { Seed = request.Seed ?? 0 };
        var limit = (int)Math.Min((long)request.Prompt.Length + request.MaxTokens, _options.ContextLength);
        var sequence = new Sequence(request, request.Seed.Value, limit, new(request.Prompt.Length));
        _requests.Add(sequence, request);
        Stepper.Add(sequence);
        return sequence;
    }

    public GenerationRequest RequestOf(Sequence sequence) => _requests[sequence];

    public void FailNext() => Runner.BeforeRun = runner =>
    {
        runner.BeforeRun = null;
        throw new IOException("out of order");
    };

    public void Step()
    {
        Stepper.Run();
        var pool = Stepper.Pool;
        var held = Open.Where(s => s.Table is not null).SelectMany(s => s.Table!.Blocks.ToArray()).CountBy(b => b).ToDictionary();
        for (var block = 0; block < pool.Count; block++)
            Assert.Equal(held.GetValueOrDefault(block), pool.Holders(block));
        Assert.Equal(pool.Count - held.Count, pool.Free);
        if (pool.States is { } states)
            Assert.Equal(Stepper.Stats.Running * (_options.Drafter is null ? 1 : 2), states.Held);
        Assert.True(Stepper.Stats.Running <= _options.MaxSequences);
        var inOrder = _requests.Keys.ToList();
        Assert.Equal(Open.OrderBy(inOrder.IndexOf), Open);              // who came first is served first, preempted or not
    }

    public void StepToEnd()
    {
        for (var steps = 0; !Stepper.IsIdle; steps++)
        {
            Assert.True(steps < 20_000, "The requests do not come to an end.");
            Step();
        }
    }

    public async Task CheckAnswersAsync()
    {
        Assert.Null(_logs.Collector.GetSnapshot().FirstOrDefault(record => record.Id.Id == 1008)?.Exception);      // a drafter that fails would hide behind right answers
        foreach (var (sequence, request) in _requests)
        {
            var expected = Alone(request, _options.ContextLength, _script);
            int[] answer;
            try
            {
                answer = await sequence.Stream.ToArrayAsync();
            }
            catch (Exception e) when (e is OperationCanceledException || e.InnerException is IOException)
            {
                continue;
            }
            Assert.Equal(expected, answer);
            if (request.Constraint is not null && expected.Length > 0)
                continue;                                                   // it may have ended the answer just there
            Assert.Equal(expected.Length == request.MaxTokens || expected.Length + request.Prompt.Length == _options.ContextLength
                ? StopReason.Length : StopReason.Stop, sequence.Stream.Reason);
        }
    }
}
