using System.ComponentModel;
using System.Text.Json;
using Microsoft.Extensions.AI;
using Scripted = EmbeddedLlm.Testing.ScriptedModel;

namespace EmbeddedLlm.Tests.Chat.Contract.Scenarios;

/// <summary>Tools under <see cref="FunctionInvokingChatClient"/>.</summary>
public sealed class FunctionInvocationScenarioTests
{
    public static TheoryData<bool> Ways => [false, true];

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task FunctionInvocation_Parameterless_IsCalledAndItsResultAnswered(bool streams)
    {
        using var scripted = Calling("get_secret", "{}", result: "8271");
        var tool = AIFunctionFactory.Create(() => 8271, "get_secret");

        var response = await Invoking(scripted).AskAsync(streams, "What is the secret?", new() { Tools = [tool] });

        Assert.Equal("It is 8271.", response.Messages[^1].Text);
        Assert.Equal([ChatRole.Assistant, ChatRole.Tool, ChatRole.Assistant], response.Messages.Select(message => message.Role));
        Assert.Equal(Assert.Single(response.All<FunctionCallContent>()).CallId, Assert.Single(response.All<FunctionResultContent>()).CallId);
        Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task FunctionInvocation_WithParameters_GetsThem(bool streams)
    {
        using var scripted = Calling("sum", """{"left": 40, "right": -2.5, "label": "€ \"x\""}""", result: "37.5");
        var tool = AIFunctionFactory.Create((int left, double right, string label) => $"{left + right} {label}", "sum");

        var response = await Invoking(scripted).AskAsync(streams, "Add!", new() { Tools = [tool] });

        Assert.Equal("It is 37.5.", response.Messages[^1].Text);
        Assert.Equal("37.5 € \"x\"", Assert.Single(response.All<FunctionResultContent>()).Result!.ToString());
    }

    [Theory]
    [InlineData("{}", "Bern in celsius")]
    [InlineData("""{"city": "Oslo"}""", "Oslo in celsius")]
    [InlineData("""{"city": "Oslo", "unit": "kelvin"}""", "Oslo in kelvin")]
    [InlineData("""{"unit": "kelvin"}""", "Bern in kelvin")]
    public async Task FunctionInvocation_OptionalParameter_MayBeLeftOut(string arguments, string result)
    {
        using var scripted = Calling("weather", arguments, result);
        var tool = AIFunctionFactory.Create((string city = "Bern", string unit = "celsius") => $"{city} in {unit}", "weather");

        var response = await Invoking(scripted).AskAsync(streams: false, "The weather?", new() { Tools = [tool] });

        Assert.Equal($"It is {result}.", response.Messages[^1].Text);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task FunctionInvocation_NestedParameters_AreBound(bool streams)
    {
        using var scripted = Calling("greet", """{"who": {"name": "Ada", "home": {"town": "London", "tags": ["a", "b"]}}, "often": true}""", result: "Ada of London (a, b)");
        var tool = AIFunctionFactory.Create((Person who, bool often) => often ? $"{who.Name} of {who.Home.Town} ({string.Join(", ", who.Home.Tags)})" : "", "greet");

        var response = await Invoking(scripted).AskAsync(streams, "Greet!", new() { Tools = [tool] });

        Assert.Equal("It is Ada of London (a, b).", response.Messages[^1].Text);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task FunctionInvocation_ArrayParameter_IsBoundAndUsageIsTheSumOfAllRequests(bool streams)
    {
        using var scripted = Calling("total", """{"numbers": [1, 2, 39]}""", result: "42");
        var counted = new List<UsageDetails>();
        var client = scripted.Client.AsBuilder()
            .UseFunctionInvocation()
            .Use(inner => new Counting(inner, counted))
            .Build();

        var response = await client.AskAsync(streams, "Sum!", new() { Tools = [AIFunctionFactory.Create((int[] numbers) => numbers.Sum(), "total")] });

        Assert.Equal("It is 42.", response.Messages[^1].Text);
        Assert.Equal(2, counted.Count);
        Assert.Equal(counted.Sum(usage => usage.InputTokenCount), response.Usage!.InputTokenCount);
        Assert.Equal(counted.Sum(usage => usage.OutputTokenCount), response.Usage.OutputTokenCount);
        Assert.Equal(counted.Sum(usage => usage.CachedInputTokenCount), response.Usage.CachedInputTokenCount);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task FunctionInvocation_SupportsMultipleParallelRequests_InOneTurn(bool streams)
    {
        using var scripted = new Scripted(prompt => Result(prompt) is not null
            ? "Both are known."
            : "Let me see. " + Asking.Call("age", """{"name": "Ada"}""") + Asking.Call("age", """{"name": "Alan"}"""));
        List<string> asked = [];
        var tool = AIFunctionFactory.Create((string name) => asked.Add(name), "age");

        var response = await Invoking(scripted).AskAsync(streams, "How old are they?", new() { Tools = [tool] });

        Assert.Equal(["Ada", "Alan"], asked);
        Assert.Equal("Both are known.", response.Messages[^1].Text);
        Assert.Equal(2, scripted.Prompts.Count);
        Assert.Equal(response.All<FunctionCallContent>().Select(call => call.CallId), response.All<FunctionResultContent>().Select(result => result.CallId));
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task FunctionInvocation_RequireAny_IsMadeOnceAndThenAnswered(bool streams)
    {
        using var scripted = new Scripted("I would rather talk.");
        var calls = 0;
        var tools = new[] { AIFunctionFactory.Create(() => calls++, "first"), AIFunctionFactory.Create(() => calls++, "second") };

        var response = await Invoking(scripted).AskAsync(streams, "Talk!", new() { Tools = tools, ToolMode = ChatToolMode.RequireAny });

        Assert.InRange(calls, 1, int.MaxValue);
        Assert.Equal("I would rather talk.", response.Messages[^1].Text); // the mode holds for the first request alone
        Assert.Equal(2, scripted.Prompts.Count);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task FunctionInvocation_RequireSpecific_CallsThatOne(bool streams)
    {
        using var scripted = new Scripted("I would rather talk.");
        List<string> calls = [];
        var tools = new[] { AIFunctionFactory.Create(() => calls.Add("weather"), "weather"), AIFunctionFactory.Create(() => calls.Add("shield"), "shield") };

        await Invoking(scripted).AskAsync(streams, "Talk!", new() { Tools = tools, ToolMode = ChatToolMode.RequireSpecific("shield") });

        Assert.Equal("shield", Assert.Single(calls.Distinct()));
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task FunctionInvocation_ToolThatIsOnlyDeclared_IsHandedToTheCaller(bool streams)
    {
        using var scripted = Calling("elsewhere", """{"x": 1}""", result: "?");
        var declared = AIFunctionFactory.CreateDeclaration("elsewhere", "Done by others.", JsonElement.Parse("""{"type":"object","properties":{"x":{"type":"integer"}},"required":["x"]}"""));

        var response = await Invoking(scripted).AskAsync(streams, "Do it!", new() { Tools = [declared] });

        Assert.Equal("elsewhere", Assert.Single(response.All<FunctionCallContent>()).Name);
        Assert.Empty(response.All<FunctionResultContent>());
        Assert.Equal(ChatFinishReason.ToolCalls, response.FinishReason);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task FunctionInvocation_ToolThatNeedsApproval_IsMadeWhenApproved(bool streams)
    {
        using var scripted = Calling("delete", """{"file": "a.txt"}""", result: "gone: a.txt");
        var options = new ChatOptions { Tools = [new ApprovalRequiredAIFunction(AIFunctionFactory.Create((string file) => $"gone: {file}", "delete"))] };
        var client = Invoking(scripted);
        List<ChatMessage> history = [new(ChatRole.User, "Delete it!")];

        history.AddMessages(await client.AskAsync(streams, history, options));
        var request = Assert.Single(history[^1].Contents.OfType<ToolApprovalRequestContent>());
        history.Add(new(ChatRole.User, [request.CreateResponse(approved: true)]));
        var response = await client.AskAsync(streams, history, options);

        Assert.Equal("It is gone: a.txt.", response.Messages[^1].Text);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task FunctionInvocation_CallThatTheBudgetCut_IsNotMade(bool streams)
    {
        using var scripted = Calling("weather", """{"city": "a city with a very long name indeed"}""", result: "?");
        var made = 0;
        var tool = AIFunctionFactory.Create((string city) => made++, "weather");

        var response = await Invoking(scripted).AskAsync(streams, "The weather?", new() { Tools = [tool], MaxOutputTokens = 40 });

        Assert.Equal((0, ChatFinishReason.Length), (made, response.FinishReason));
        Assert.NotNull(Assert.Single(response.All<FunctionCallContent>()).Exception);
    }

    [Fact]
    public async Task FunctionInvocation_HistoryWithCalls_IsRead()
    {
        using var scripted = Calling("weather", "{}", result: "sunny");

        var response = await Invoking(scripted).AskAsync(
            streams: false,
            [
                new(ChatRole.User, "The weather?"),
                new(ChatRole.Assistant, [new FunctionCallContent("1", "weather")]),
                new(ChatRole.Tool, [new FunctionResultContent("1", "sunny")]),
            ]);

        Assert.Equal("It is sunny.", response.Text);
    }

    [Theory]
    [InlineData(null)]  // strict by default
    [InlineData(true)]
    [InlineData(false)]
    public async Task AvailableTools_SchemasAreAccepted_WhateverTheyHold(bool? isStrict)
    {
        using var scripted = new Scripted(_ => "Fine.", new() { ContextLength = 32_768 });
        var tools = OddTools.All(isStrict);

        var response = await Invoking(scripted).AskAsync(streams: false, "Hi", new() { Tools = tools });

        Assert.Equal("Fine.", response.Text);
        Assert.All(tools, tool => Assert.Contains($"\"{tool.Name}\"", scripted.Prompts[0], StringComparison.Ordinal));
    }

    [Fact]
    public async Task AvailableTools_OfOddSchemas_AreCalledByTheirSchema()
    {
        foreach (var tool in OddTools.All(isStrict: null))
        {
            using var scripted = new Scripted("I would rather talk.");

            var response = await scripted.Client.AskAsync(streams: false, options: new() { Tools = [tool], ToolMode = ChatToolMode.RequireAny, MaxOutputTokens = 200 });

            Assert.All(response.All<FunctionCallContent>(), call => Assert.Equal((tool.Name, null), (call.Name, call.Exception)));
            Assert.NotEmpty(response.All<FunctionCallContent>());
        }
    }

    // Calls a tool, then says what it gave.
    private static Scripted Calling(string tool, string arguments, string result) =>
        new(prompt => Result(prompt) is { } text && text.Contains(result, StringComparison.Ordinal) ? $"It is {result}." : Asking.Call(tool, arguments));

    // What the last tool gave, in a template that knows no tools.
    private static string? Result(string prompt) => prompt.Split("<tool_response>\n") is [_, .., var last] ? last.Split("\n</tool_response>")[0] : null;

    private static IChatClient Invoking(Scripted scripted) => scripted.Client.AsBuilder().UseFunctionInvocation().Build();

    private sealed record Person([property: Description("A first name.")] string Name, Address Home);

    private sealed record Address(string Town, string[] Tags);

    private sealed class Counting(IChatClient inner, List<UsageDetails> counted) : DelegatingChatClient(inner)
    {
        public override async Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
        {
            var response = await base.GetResponseAsync(messages, options, cancellationToken);
            Count(response.Usage!);
            return response;
        }

        public override async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
            IEnumerable<ChatMessage> messages, ChatOptions? options = null, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken = default)
        {
            await foreach (var update in base.GetStreamingResponseAsync(messages, options, cancellationToken))
            {
                foreach (var content in update.Contents.OfType<UsageContent>())
                    Count(content.Details);
                yield return update;
            }
        }

        // A copy: what is around adds up in the first.
        private void Count(UsageDetails usage)
        {
            counted.Add(new());
            counted[^1].Add(usage);
        }
    }
}
