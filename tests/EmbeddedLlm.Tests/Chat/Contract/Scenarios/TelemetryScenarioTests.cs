using System.Collections.Concurrent;
using System.Diagnostics;
using EmbeddedLlm.Engine;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;
using OpenTelemetry;
using OpenTelemetry.Trace;
using Scripted = EmbeddedLlm.Testing.ScriptedModel;

namespace EmbeddedLlm.Tests.Chat.Contract.Scenarios;

/// <summary>The client under <see cref="OpenTelemetryChatClient"/> and the listeners of an app.</summary>
public sealed class TelemetryScenarioTests
{
    public static TheoryData<bool> Ways => [false, true];

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task OpenTelemetry_CanEmitTracesAndMetrics(bool streams)
    {
        var spans = new ConcurrentQueue<Activity>();
        var source = Guid.NewGuid().ToString();
        var id = $"traced-{source}";
        using var tracing = Sdk.CreateTracerProviderBuilder().AddSource(source, "EmbeddedLlm").AddProcessor(new Collecting(spans)).Build();
        using var tokens = new MetricCollector<int>(null, source, "gen_ai.client.token.usage");
        using var scripted = new Scripted(_ => "The blue whale.", new() { ModelId = id });
        using var client = scripted.Client.AsBuilder().UseOpenTelemetry(sourceName: source).Build();

        var response = await client.AskAsync(streams, options: new() { ModelId = id, Temperature = 0.5f, TopK = 7 });
        scripted.Dispose(); // the engine's own span ends on its thread

        var chat = Assert.Single(spans, span => span.Source.Name == source);
        Assert.Equal($"chat {id}", chat.DisplayName);
        Assert.Equal("embeddedllm", chat.GetTagItem("gen_ai.provider.name"));
        Assert.Equal(id, chat.GetTagItem("gen_ai.request.model"));
        Assert.Equal(id, chat.GetTagItem("gen_ai.response.model"));
        Assert.Equal(response.ResponseId, chat.GetTagItem("gen_ai.response.id"));
        Assert.Equal("""["stop"]""", chat.GetTagItem("gen_ai.response.finish_reasons"));
        Assert.Equal(response.Usage!.InputTokenCount, Convert.ToInt64(chat.GetTagItem("gen_ai.usage.input_tokens"), null));
        Assert.Equal(response.Usage.OutputTokenCount, Convert.ToInt64(chat.GetTagItem("gen_ai.usage.output_tokens"), null));
        Assert.Null(chat.GetTagItem("server.address")); // there is no server
        Assert.Equal(response.Usage.TotalTokenCount, tokens.GetMeasurementSnapshot().Sum(measurement => measurement.Value));
        Assert.Contains(spans, span => span.OperationName == "embedded_llm.generate" && span.TraceId == chat.TraceId && (string?)span.GetTagItem("model") == id);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task OpenTelemetry_ChatAndItsRequestToTheEngine_AreParentAndChild(bool streams)
    {
        var spans = new ConcurrentQueue<Activity>();
        var source = Guid.NewGuid().ToString();
        using var tracing = Sdk.CreateTracerProviderBuilder().AddSource(source, "EmbeddedLlm").AddProcessor(new Collecting(spans)).Build();
        using var scripted = new Scripted(prompt => prompt.Contains("<tool_response>", StringComparison.Ordinal) ? "Done." : Asking.Call("look"));
        using var client = scripted.Client.AsBuilder().UseFunctionInvocation().UseOpenTelemetry(sourceName: source).Build();

        await client.AskAsync(streams, options: new() { Tools = [AIFunctionFactory.Create(() => 1, "look")] });
        scripted.Dispose();

        var chats = spans.Where(span => span.Source.Name == source && span.OperationName.StartsWith("chat", StringComparison.Ordinal)).ToArray();
        Assert.Equal(2, chats.Length);
        Assert.All(chats, chat => Assert.Single(spans, span => span.OperationName == "embedded_llm.generate" && span.ParentSpanId == chat.SpanId));
    }

    [Fact]
    public async Task Meter_OfTheEngine_CountsTokens()
    {
        using var generated = new MetricCollector<long>(null, EngineTelemetry.Name, "embedded_llm.tokens.generated");
        var id = $"metered-{Guid.NewGuid()}";
        using var scripted = new Scripted(_ => "The blue whale.", new() { ModelId = id });

        var response = await scripted.Client.AskAsync(streams: false);
        scripted.Dispose();

        var counted = generated.GetMeasurementSnapshot().Where(measurement => (string?)measurement.Tags["model"] == id).Sum(measurement => measurement.Value);
        Assert.True(counted >= response.Usage!.OutputTokenCount);
    }

    private sealed class Collecting(ConcurrentQueue<Activity> spans) : BaseProcessor<Activity>
    {
        public override void OnEnd(Activity data) => spans.Enqueue(data);
    }
}
