using System.Diagnostics;
using EmbeddedLlm.Engine;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using static EmbeddedLlm.Tests.Engine.EngineTesting;

namespace EmbeddedLlm.Tests.Engine;

public sealed class EngineTelemetryTests
{
    [Fact]
    public async Task Meter_ARequestRan_HasItsTokensAndTimes()
    {
        using var prompt = new MetricCollector<long>(null, "EmbeddedLlm", "embedded_llm.tokens.prompt");
        using var generated = new MetricCollector<long>(null, "EmbeddedLlm", "embedded_llm.tokens.generated");
        using var first = new MetricCollector<double>(null, "EmbeddedLlm", "embedded_llm.time_to_first_token");
        using var queued = new MetricCollector<double>(null, "EmbeddedLlm", "embedded_llm.queue.time");
        var model = await RunAsync();
        Assert.Equal(5, Of(prompt, model).EvaluateAsCounter());
        Assert.Equal(7, Of(generated, model).EvaluateAsCounter());
        Assert.Single(Of(first, model));
        Assert.Single(Of(queued, model));
    }

    [Fact]
    public async Task Meter_EngineIsBusy_ShowsQueueAndMemory()
    {
        using var queue = new MetricCollector<double>(null, "EmbeddedLlm", "embedded_llm.queue.length");
        using var blocks = new MetricCollector<double>(null, "EmbeddedLlm", "embedded_llm.kv.blocks.used");
        using var utilization = new MetricCollector<double>(null, "EmbeddedLlm", "embedded_llm.kv.utilization");
        var model = await RunAsync(runner =>
        {
            queue.RecordObservableInstruments();
            blocks.RecordObservableInstruments();
            utilization.RecordObservableInstruments();
        });
        Assert.Equal(0, Of(queue, model)[0].Value);
        Assert.Equal(2, Of(blocks, model)[0].Value);
        Assert.Equal(0.2, Of(utilization, model)[0].Value);
        blocks.Clear();
        blocks.RecordObservableInstruments();
        Assert.Empty(Of(blocks, model));                                    // a disposed engine is no longer observed
    }

    [Fact]
    public async Task Activity_ARequestRan_StandsUnderItsCaller()
    {
        var ended = new List<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name is "EmbeddedLlm" or "Caller",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = activity =>
            {
                lock (ended)
                    ended.Add(activity);
            },
        };
        ActivitySource.AddActivityListener(listener);
        using var source = new ActivitySource("Caller");
        using var caller = source.StartActivity("ask");
        var model = await RunAsync();
        Assert.Same(caller, Activity.Current);
        Activity request;
        lock (ended)
            request = Assert.Single(ended, a => Equals(a.GetTagItem("model"), model));
        Assert.Equal(caller!.SpanId, request.ParentSpanId);
        Assert.Equal((5, 7, 0), (request.GetTagItem("prompt_tokens"), request.GetTagItem("generated_tokens"), request.GetTagItem("cached_tokens")));
    }

    // Other tests' engines report at the same time; the model's name tells this one's measurements.
    private static async Task<string> RunAsync(Action<ScriptedRunner>? beforeRun = null)
    {
        var model = Guid.NewGuid().ToString();
        using var runner = new ScriptedRunner(Vocabulary, 10, 4) { BeforeRun = beforeRun };
        await using var engine = new InferenceEngine(runner, Options with { Model = model }, NullLogger.Instance);
        await engine.Start(new() { Prompt = new[] { 1, 2, 3, 4, 5 }, Seed = 1, MaxTokens = 7 }).ToArrayAsync();
        return model;
    }

    private static CollectedMeasurement<T>[] Of<T>(MetricCollector<T> collector, string model) where T : struct
        => [.. collector.GetMeasurementSnapshot().Where(m => Equals(m.Tags["model"], model))];
}
