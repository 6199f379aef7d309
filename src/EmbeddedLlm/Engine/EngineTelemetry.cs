using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace EmbeddedLlm.Engine;

/// <summary>The traces and metrics of all engines, under the name <c>EmbeddedLlm</c>; a measurement's tag <c>model</c> says whose it is.</summary>
internal static class EngineTelemetry
{
    /// <summary>The name of the <see cref="ActivitySource"/> and the <see cref="Meter"/>.</summary>
    public const string Name = "EmbeddedLlm";

    private static readonly ConcurrentDictionary<InferenceEngine, TagList> Engines = [];
    private static readonly ActivitySource Activities = new(Name);
    private static readonly Meter Meter = new(Name);

    private static readonly Counter<long> PromptTokens = Meter.CreateCounter<long>("embedded_llm.tokens.prompt", "{token}", "Tokens of prompts taken in.");
    private static readonly Counter<long> GeneratedTokens = Meter.CreateCounter<long>("embedded_llm.tokens.generated", "{token}", "Tokens generated.");
    private static readonly Counter<long> DraftedTokens = Meter.CreateCounter<long>("embedded_llm.tokens.drafted", "{token}", "Draft tokens verified.");
    private static readonly Counter<long> AcceptedTokens = Meter.CreateCounter<long>("embedded_llm.tokens.accepted", "{token}", "Draft tokens that were right.");
    private static readonly Histogram<double> QueueTimes = Meter.CreateHistogram<double>("embedded_llm.queue.time", "s", "Time from a request's arrival to its first step.");
    private static readonly Histogram<double> FirstTokenTimes = Meter.CreateHistogram<double>("embedded_llm.time_to_first_token", "s", "Time from a request's arrival to its first token.");

    static EngineTelemetry()
    {
        Observe("embedded_llm.queue.length", "{request}", "Requests that wait for their turn or for memory.", s => s.Waiting);
        Observe("embedded_llm.requests.running", "{request}", "Requests that take part in steps.", s => s.Running);
        Observe("embedded_llm.kv.blocks.used", "{block}", "KV blocks held by running requests.", s => s.KvBlocksUsed);
        Observe("embedded_llm.kv.utilization", "1", "Part of the KV blocks held by running requests.", s => (double)s.KvBlocksUsed / s.KvBlocks);
    }

    public static void Add(InferenceEngine engine, TagList tags) => Engines[engine] = tags;

    public static void Remove(InferenceEngine engine) => Engines.TryRemove(engine, out _);

    /// <summary>Begins the trace of a request under the caller's activity, which stays the current one; null if nobody listens.</summary>
    public static Activity? BeginRequest(int promptTokens, in TagList tags)
    {
        var caller = Activity.Current;
        var activity = Activities.StartActivity(ActivityKind.Internal, tags: tags, name: "embedded_llm.generate");
        activity?.SetTag("prompt_tokens", promptTokens);
        Activity.Current = caller;
        return activity;
    }

    public static void EndRequest(Activity? activity, TokenStream stream, Exception? failure)
    {
        if (activity is null)
            return;
        activity.SetTag("cached_tokens", stream.CachedTokens);
        activity.SetTag("generated_tokens", stream.GeneratedTokens);
        activity.SetTag("drafted_tokens", stream.DraftedTokens);
        activity.SetTag("accepted_tokens", stream.AcceptedTokens);
        if (failure is not null)
            activity.SetStatus(ActivityStatusCode.Error, failure.Message);
        Tell(activity, static (activity, _) =>
        {
            var current = Activity.Current;
            activity.Stop();
            Activity.Current = current;                                     // stopping changes it
        }, default);
    }

    public static void CountPrompt(int tokens, TimeSpan waited, in TagList tags)
    {
        Tell(tokens, static (tokens, tags) => PromptTokens.Add(tokens, tags), tags);
        Tell(waited, static (waited, tags) => QueueTimes.Record(waited.TotalSeconds, tags), tags);
    }

    public static void CountFirstToken(TimeSpan waited, in TagList tags) => Tell(waited, static (waited, tags) => FirstTokenTimes.Record(waited.TotalSeconds, tags), tags);

    public static void CountGenerated(int tokens, in TagList tags)
    {
        if (tokens > 0)
            Tell(tokens, static (tokens, tags) => GeneratedTokens.Add(tokens, tags), tags);
    }

    public static void CountDrafted(int tokens, int accepted, in TagList tags)
    {
        if (tokens > 0)
            Tell(tokens, static (tokens, tags) => DraftedTokens.Add(tokens, tags), tags);
        if (accepted > 0)
            Tell(accepted, static (accepted, tags) => AcceptedTokens.Add(accepted, tags), tags);
    }

    // Listeners run on the engine's thread. One that throws must not fail requests, and there is nobody to tell.
    private static void Tell<T>(T value, Action<T, TagList> listeners, in TagList tags)
    {
        try
        {
            listeners(value, tags);
        }
        catch (Exception)
        {
        }
    }

    private static void Observe(string name, string unit, string description, Func<EngineStats, double> value)
        => Meter.CreateObservableGauge(name, () => Engines.Select(e => new Measurement<double>(value(e.Key.Stats), e.Value)), unit, description);
}
