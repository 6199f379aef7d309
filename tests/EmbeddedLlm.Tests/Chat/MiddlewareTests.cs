using System.Collections.Concurrent;
using System.Diagnostics;
using EmbeddedLlm.Engine;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;
using OpenTelemetry;
using OpenTelemetry.Trace;

namespace EmbeddedLlm.Tests.Chat;

/// <summary>The client under the middleware of Microsoft.Extensions.AI and the listeners of an app.</summary>
public sealed class MiddlewareTests
{
    private static CancellationToken Test => TestContext.Current.CancellationToken;

    [Fact]
    public async Task UseOpenTelemetry_Span_HasModelUsageAndReason()
    {
        var spans = new ConcurrentQueue<Activity>();
        var source = Guid.NewGuid().ToString();
        using var tracing = Sdk.CreateTracerProviderBuilder().AddSource(source, "EmbeddedLlm").AddProcessor(new Collecting(spans)).Build();
        using var model = ScriptedModel.Answering("Hello", " world");
        using var client = model.Client.AsBuilder().UseOpenTelemetry(sourceName: source).Build();

        var response = await client.GetResponseAsync("Hi", cancellationToken: Test);
        model.Dispose(); // the engine's own span ends on its thread

        var chat = Assert.Single(spans, span => span.Source.Name == source);
        Assert.Equal("embeddedllm", chat.GetTagItem("gen_ai.provider.name"));
        Assert.Equal(ScriptedModel.Id, chat.GetTagItem("gen_ai.response.model"));
        Assert.Equal(response.ResponseId, chat.GetTagItem("gen_ai.response.id"));
        Assert.Equal(2L, Convert.ToInt64(chat.GetTagItem("gen_ai.usage.output_tokens"), null));
        Assert.Contains(spans, span => span.OperationName == "embedded_llm.generate" && span.TraceId == chat.TraceId && (string?)span.GetTagItem("model") == ScriptedModel.Id);
    }

    [Fact]
    public async Task Meter_CountsTokens()
    {
        using var generated = new MetricCollector<long>(null, EngineTelemetry.Name, "embedded_llm.tokens.generated");
        using var model = ScriptedModel.Answering("Hello", " world");

        await model.Client.GetResponseAsync("Hi", cancellationToken: Test);
        model.Dispose();

        Assert.True(generated.GetMeasurementSnapshot().Where(measurement => (string?)measurement.Tags["model"] == ScriptedModel.Id).Sum(measurement => measurement.Value) >= 2);
    }

    [Fact]
    public async Task UseFunctionInvocation_HistoryWithCalls_IsRead()
    {
        var prompts = new List<string>();
        using var model = ScriptedModel.Answering(prompt =>
        {
            prompts.Add(prompt);
            return ScriptedModel.Tokens("Hello");
        });
        using var client = model.Client.AsBuilder().UseFunctionInvocation().Build();

        var response = await client.GetResponseAsync(
            [
                new(ChatRole.User, "Weather?"),
                new(ChatRole.Assistant, [new FunctionCallContent("1", "weather")]),
                new(ChatRole.Tool, [new FunctionResultContent("1", "sunny")]),
            ],
            cancellationToken: Test);

        Assert.Equal("Hello", response.Text);
        Assert.Contains("<|im_start|>tool\nsunny<|im_end|>", prompts[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task UseFunctionInvocation_Tool_IsCalledAndItsResultAnswered(bool streams)
    {
        using var model = ScriptedModel.Answering(
            prompt => ScriptedModel.Tokens(prompt.Contains("sunny in Bern", StringComparison.Ordinal)
                ? "It is sunny."
                : """
                  Let me see.
                  <tool_call>
                  {"name": "weather", "arguments": {"city": "Bern"}}
                  </tool_call>
                  """),
            contextLength: 4096, template: ToolTemplates.Hermes);
        using var client = model.Client.AsBuilder().UseFunctionInvocation().Build();
        var options = new ChatOptions { Tools = [AIFunctionFactory.Create((string city) => $"sunny in {city}", "weather", "The weather.")] };

        var response = streams
            ? await client.GetStreamingResponseAsync("Weather?", options, Test).ToChatResponseAsync(Test)
            : await client.GetResponseAsync("Weather?", options, Test);

        Assert.Equal("It is sunny.", response.Messages[^1].Text);
        Assert.Equal(3, response.Messages.Count);
        var call = Assert.Single(response.Messages[0].Contents.OfType<FunctionCallContent>());
        Assert.Equal(call.CallId, Assert.Single(response.Messages[1].Contents.OfType<FunctionResultContent>()).CallId);
    }

    [Fact]
    public async Task AddMessages_Updates_BecomeOneAssistantMessage()
    {
        using var model = ScriptedModel.Answering("Hello", " world");
        var history = new List<ChatMessage> { new(ChatRole.User, "Hi") };

        await history.AddMessagesAsync(model.Client.GetStreamingResponseAsync(history, cancellationToken: Test), cancellationToken: Test);

        Assert.Equal("Hello world", Assert.IsType<TextContent>(Assert.Single(history[1].Contents)).Text);
        Assert.Equal("Hello world", (await model.Client.GetResponseAsync([.. history, new(ChatRole.User, "Again")], cancellationToken: Test)).Text);
    }

    private sealed class Collecting(ConcurrentQueue<Activity> spans) : BaseProcessor<Activity>
    {
        public override void OnEnd(Activity data) => spans.Enqueue(data);
    }
}
