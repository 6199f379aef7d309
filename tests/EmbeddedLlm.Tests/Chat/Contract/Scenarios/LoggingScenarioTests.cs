using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Scripted = EmbeddedLlm.Testing.ScriptedModel;

namespace EmbeddedLlm.Tests.Chat.Contract.Scenarios;

/// <summary>The client under <see cref="LoggingChatClient"/>, which writes down all that goes in and out.</summary>
public sealed class LoggingScenarioTests
{
    public static TheoryData<bool> Ways => [false, true];

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Logging_LogsCalls(bool streams)
    {
        using var scripted = new Scripted("The blue whale.");
        var logs = new FakeLoggerProvider();
        using var factory = Factory(logs);

        await scripted.Client.AsBuilder().UseLogging(factory).Build().AskAsync(streams, "The largest animal?");

        var messages = logs.Collector.GetSnapshot().Select(record => record.Message).ToArray();
        Assert.Contains("The largest animal?", messages[0], StringComparison.Ordinal);
        Assert.Contains("\"scripted\"", messages[1], StringComparison.Ordinal); // the response, as JSON
        Assert.Contains("completed", messages[^1], StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Logging_LogsFunctionCalls(bool streams)
    {
        using var scripted = new Scripted(prompt => prompt.Contains("<tool_response>", StringComparison.Ordinal) ? "It is 8271." : Asking.Call("get_secret"));
        var logs = new FakeLoggerProvider();
        using var factory = Factory(logs);
        var client = scripted.Client.AsBuilder().UseFunctionInvocation(factory).UseLogging(factory).Build();

        var response = await client.AskAsync(streams, options: new() { Tools = [AIFunctionFactory.Create(() => 8271, "get_secret")] });

        Assert.Equal("It is 8271.", response.Messages[^1].Text);
        var records = logs.Collector.GetSnapshot();
        Assert.Contains(records, record => record.Category!.EndsWith(nameof(FunctionInvokingChatClient), StringComparison.Ordinal) && record.Message.Contains("get_secret", StringComparison.Ordinal));
        Assert.Contains(records, record => record.Category!.EndsWith(nameof(LoggingChatClient), StringComparison.Ordinal) && record.Message.Contains("functionCall", StringComparison.Ordinal));
    }

    private static ILoggerFactory Factory(FakeLoggerProvider logs) => LoggerFactory.Create(builder => builder.AddProvider(logs).SetMinimumLevel(LogLevel.Trace));
}
