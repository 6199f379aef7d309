using System.ComponentModel;
using System.Text.Json;
using EmbeddedLlm.Chat;
using EmbeddedLlm.Grammar;
using EmbeddedLlm.Tests.Grammar;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Scripted = EmbeddedLlm.Testing.ScriptedModel;

namespace EmbeddedLlm.Tests.Chat;

/// <summary>What a request asks of its answer holds, whatever the model wants to say.</summary>
public sealed class EnforcementTests
{
    private static readonly AIFunction Weather = AIFunctionFactory.Create(([Description("a city")] string city, int days) => $"{city} {days}", "get_weather");

    private static readonly AIFunction Time = AIFunctionFactory.Create(() => "noon", "get_time");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("Sure, here it is: {}")]
    [InlineData("""{"name":"Ada","age":"old"}""")]
    public async Task GetResponse_Schema_HoldsWhateverTheModelSays(string said)
    {
        using var scripted = new Scripted(said);

        var response = await scripted.Client.GetResponseAsync("go", new() { ResponseFormat = ChatResponseFormat.ForJsonSchema<Person>() }, Cancellation);

        Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
        Assert.NotNull(JsonSerializer.Deserialize<Person>(response.Text, JsonSerializerOptions.Web));
    }

    [Fact]
    public async Task GetResponse_SchemaThatTheModelKeeps_ChangesNothing()
    {
        const string Said = """{"name":"Ada \"L\"","age":36}""";
        using var scripted = new Scripted(Said);

        var response = await scripted.Client.GetResponseAsync("go", new() { ResponseFormat = ChatResponseFormat.ForJsonSchema<Person>() }, Cancellation);
        var typed = await scripted.Client.GetResponseAsync<Person>("go", cancellationToken: Cancellation);

        Assert.Equal(Said, response.Text);
        Assert.Equal(new("Ada \"L\"", 36), typed.Result);
    }

    [Fact]
    public async Task GetResponse_NoObjectSchema_IsWrapped()
    {
        using var scripted = new Scripted("I do not know.");

        var typed = await scripted.Client.GetResponseAsync<int[]>("go", cancellationToken: Cancellation);

        Assert.NotNull(typed.Result);
    }

    [Fact]
    public async Task GetResponse_Json_IsAnObjectOrAList()
    {
        using var scripted = new Scripted("text", """{"a":[1,{"b":null}]}""");

        var first = await scripted.Client.GetResponseAsync("go", new() { ResponseFormat = ChatResponseFormat.Json }, Cancellation);
        var second = await scripted.Client.GetResponseAsync("go", new() { ResponseFormat = ChatResponseFormat.Json }, Cancellation);

        Assert.True(JsonElement.Parse(first.Text).ValueKind is JsonValueKind.Object or JsonValueKind.Array);
        Assert.Equal("""{"a":[1,{"b":null}]}""", second.Text);
    }

    [Fact]
    public async Task GetResponse_BudgetEndsInsideJson_SaysLength()
    {
        using var scripted = new Scripted("""{"name":"a very long name that goes on and on","age":36}""");

        var response = await scripted.Client.GetResponseAsync("go", new() { ResponseFormat = ChatResponseFormat.ForJsonSchema<Person>(), MaxOutputTokens = 9 }, Cancellation);

        Assert.Equal((ChatFinishReason.Length, 9L), (response.FinishReason, response.Usage!.OutputTokenCount));
        Assert.StartsWith("""{"name":""", response.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("I will not.")]
    [InlineData("""<tool_call>{"name":"get_weather","arguments":{}}</tool_call>""")]
    public async Task GetResponse_RequireAny_IsACallThatFitsItsSchema(string said)
    {
        using var scripted = new Scripted(said);

        var response = await scripted.Client.GetResponseAsync("go", new() { Tools = [Weather, Time], ToolMode = ChatToolMode.RequireAny }, Cancellation);

        Assert.Equal(ChatFinishReason.ToolCalls, response.FinishReason);
        Assert.All(Calls(response), AssertFits);
        Assert.NotEmpty(Calls(response));
    }

    [Fact]
    public async Task GetResponse_RequireSpecific_IsACallOfThatTool()
    {
        using var scripted = new Scripted("""<tool_call>{"name": "get_time", "arguments": {}}</tool_call>""");

        var response = await scripted.Client.GetResponseAsync("go", new() { Tools = [Time, Weather], ToolMode = ChatToolMode.RequireSpecific("get_weather") }, Cancellation);

        Assert.Equal("get_weather", Assert.Single(Calls(response).Take(1)).Name);
        Assert.All(Calls(response), AssertFits);
    }

    [Fact]
    public async Task GetResponse_RequireSpecificOfNoTool_SaysWhichThereAre()
    {
        using var scripted = new Scripted("hello");

        var exception = await Assert.ThrowsAsync<ArgumentException>(() =>
            scripted.Client.GetResponseAsync("go", new() { Tools = [Time], ToolMode = ChatToolMode.RequireSpecific("get_weather") }, Cancellation));

        Assert.Contains("'get_weather'", exception.Message, StringComparison.Ordinal);
        Assert.Contains("'get_time'", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task GetResponse_Auto_HoldsArgumentsToTheSchema()
    {
        using var scripted = new Scripted("Let me look. <tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Bern\", \"days\": \"two\"}}\n</tool_call>");

        var response = await scripted.Client.GetResponseAsync("go", new() { Tools = [Weather, Time] }, Cancellation);

        Assert.StartsWith("Let me look.", response.Text, StringComparison.Ordinal);
        var call = Calls(response)[0];
        AssertFits(call);
        Assert.Equal("Bern", call.Arguments!["city"]!.ToString());
    }

    [Fact]
    public async Task GetResponse_OneCallAllowed_EndsBehindIt()
    {
        const string Call = "<tool_call>\n{\"name\": \"get_time\", \"arguments\": {}}\n</tool_call>";
        using var scripted = new Scripted(Call + Call);

        var one = await scripted.Client.GetResponseAsync("go", new() { Tools = [Time], AllowMultipleToolCalls = false }, Cancellation);
        var two = await scripted.Client.GetResponseAsync("go", new() { Tools = [Time], ToolMode = ChatToolMode.RequireAny }, Cancellation);

        Assert.Single(Calls(one));
        Assert.Equal(2, Calls(two).Length);
    }

    [Fact]
    public async Task GetResponse_SchemaAndTools_IsEither()
    {
        using var scripted = new Scripted("<tool_call>\n{\"name\": \"get_time\", \"arguments\": {}}\n</tool_call>", """{"name":"Ada","age":36}""", "Neither.");
        var options = new ChatOptions { Tools = [Time], ResponseFormat = ChatResponseFormat.ForJsonSchema<Person>() };

        var call = await scripted.Client.GetResponseAsync("go", options, Cancellation);
        var json = await scripted.Client.GetResponseAsync("go", options, Cancellation);
        var other = await scripted.Client.GetResponseAsync("go", options, Cancellation);

        Assert.Equal("get_time", Assert.Single(Calls(call)).Name);
        Assert.Equal("""{"name":"Ada","age":36}""", json.Text);
        Assert.True(Calls(other).Length > 0 || JsonSerializer.Deserialize<Person>(other.Text, JsonSerializerOptions.Web) is not null);
    }

    [Fact]
    public async Task GetResponse_OtherForms_Hold()
    {
        using var scripted = new Scripted("Well …");

        var choice = await scripted.Client.GetResponseAsync("go", new ChatOptions().WithChoices("yes", "no"), Cancellation);
        var regex = await scripted.Client.GetResponseAsync("go", new ChatOptions().WithRegex("[0-9]{3}-[0-9]{2}"), Cancellation);
        var grammar = await scripted.Client.GetResponseAsync("go", new ChatOptions().WithGrammar("root ::= (\"a\" | \"b\") root? \"c\""), Cancellation);

        Assert.Contains(choice.Text, (string[])["yes", "no"]);
        Assert.Matches("^[0-9]{3}-[0-9]{2}$", regex.Text);
        Assert.Matches("^[ab]+c+$", grammar.Text);
    }

    [Fact]
    public async Task GetResponse_WhiteSpace_ComesWhereAllowed()
    {
        const string Said = "{\n  \"name\": \"Ada\",\n  \"age\": 36\n}";
        using var scripted = new Scripted(Said);
        var options = new ChatOptions { ResponseFormat = ChatResponseFormat.ForJsonSchema<Person>() };

        var compact = await scripted.Client.GetResponseAsync("go", options, Cancellation);
        var spaced = await scripted.Client.GetResponseAsync("go", options.WithJsonWhiteSpace(), Cancellation);

        Assert.DoesNotContain('\n', compact.Text);
        Assert.Equal(Said, spaced.Text);
    }

    [Fact]
    public async Task GetResponse_TwoForms_AreRefused()
    {
        using var scripted = new Scripted("hello");

        await Assert.ThrowsAsync<ArgumentException>(() => scripted.Client.GetResponseAsync("go", new ChatOptions { ResponseFormat = ChatResponseFormat.Json }.WithRegex("a"), Cancellation));
        await Assert.ThrowsAsync<ArgumentException>(() => scripted.Client.GetResponseAsync("go", new ChatOptions().WithChoices("a").WithRegex("a"), Cancellation));
    }

    [Fact]
    public async Task GetResponse_SchemaThatCannotBeEnforced_IsRefusedByItsKeyword()
    {
        using var scripted = new Scripted("hello");
        var schema = JsonElement.Parse("""{"type":"array","uniqueItems":true}""");

        var exception = await Assert.ThrowsAsync<ConstraintException>(() => scripted.Client.GetResponseAsync("go", new() { ResponseFormat = ChatResponseFormat.ForJsonSchema(schema) }, Cancellation));

        Assert.Equal("uniqueItems", exception.Feature);
    }

    [Fact]
    public async Task GetResponse_ToolWithASchemaThatCannotBeEnforced_IsOfferedWithAWarning()
    {
        var logs = new FakeLoggerProvider();
        using var factory = LoggerFactory.Create(builder => builder.AddProvider(logs));
        using var scripted = new ScriptedChat("""<tool_call>{"name": "odd", "arguments": {"x": 1}}</tool_call>""", factory);
        var odd = AIFunctionFactory.CreateDeclaration("odd", "", JsonElement.Parse("""{"type":"object","properties":{"x":{"type":"array","uniqueItems":true},"y":{"$ref":"https://example.org/far"}}}"""));

        var response = await scripted.Client.GetResponseAsync("go", new() { Tools = [odd], ToolMode = ChatToolMode.RequireAny }, Cancellation);
        await scripted.Client.GetResponseAsync("go", new() { Tools = [odd], ToolMode = ChatToolMode.RequireAny }, Cancellation);

        Assert.Equal("odd", Calls(response)[0].Name);
        Assert.Single(logs.Collector.GetSnapshot(), record => record.Id.Id == 2025 && record.Message.Contains("'odd'", StringComparison.Ordinal));
    }

    [Fact]
    public async Task GetStreamingResponse_Constrained_IsTheSameAsWhole()
    {
        using var scripted = new Scripted("no", "no");
        var options = new ChatOptions { Tools = [Weather], ToolMode = ChatToolMode.RequireAny };

        var streamed = await scripted.Client.GetStreamingResponseAsync("go", options, Cancellation).ToChatResponseAsync(Cancellation);
        var whole = await scripted.Client.GetResponseAsync("go", options, Cancellation);

        Assert.Equal(JsonSerializer.Serialize(Calls(whole)[0].Arguments), JsonSerializer.Serialize(Calls(streamed)[0].Arguments));
        Assert.Equal(whole.FinishReason, streamed.FinishReason);
    }

    [Fact]
    public async Task GetResponse_ManyConstraintsAtOnce_EachHolds()
    {
        using var scripted = new Scripted("I would rather talk.");

        var answers = await Task.WhenAll(Enumerable.Range(0, 24).Select(async i =>
            (await scripted.Client.GetResponseAsync($"number {i}", new ChatOptions().WithChoices($"answer {i} a", $"answer {i} b"), Cancellation)).Text));

        Assert.All(answers.Index(), answer => Assert.Contains(answer.Item, (string[])[$"answer {answer.Index} a", $"answer {answer.Index} b"]));
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(1f)]
    public async Task GetResponse_RealModel_GivesTheSameWithAndWithoutDrafts(float temperature)
    {
        var schema = JsonElement.Parse("""{"type":"array","items":{"type":"object","properties":{"the":{"type":"string","maxLength":12},"count":{"type":"integer","minimum":0,"maximum":99}},"required":["the","count"],"additionalProperties":false},"minItems":4,"maxItems":4}""");
        var answers = new List<string>();
        foreach (var speculation in new[] { Speculation.Off, Speculation.NGram })
        {
            using var model = LlmModel.Load(Golden.TinyModel, new() { Speculation = speculation });
            var response = await model.AsIChatClient().GetResponseAsync("The the the", new() { Temperature = temperature, Seed = 7, ResponseFormat = ChatResponseFormat.ForJsonSchema(schema) }, Cancellation);
            Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
            Assert.True(new SchemaValidator(schema).IsValid(response.Text) == true, response.Text);
            answers.Add(response.Text);
        }

        Assert.Equal(answers[0], answers[1]);
    }

    [Fact]
    public async Task Complete_Constraint_Holds()
    {
        using var model = LlmModel.Load(Golden.TinyModel);
        var constraint = Constraint.FromRegex("[a-z]{5}[.]", model.Tokenizer);

        var completion = await model.CompleteAsync("The last", new() { Constraint = constraint }, Cancellation);

        Assert.Matches("^[a-z]{5}[.]$", completion.Text);
        Assert.Equal(ChatFinishReason.Stop, completion.FinishReason);
    }

    private static FunctionCallContent[] Calls(ChatResponse response) => [.. response.Messages.SelectMany(message => message.Contents).OfType<FunctionCallContent>()];

    private static void AssertFits(FunctionCallContent call)
    {
        Assert.Null(call.Exception);
        var tool = call.Name == Weather.Name ? Weather : Time;
        var arguments = JsonSerializer.SerializeToElement(call.Arguments);
        Assert.Equal(tool == Weather ? 2 : 0, call.Arguments!.Count);
        if (tool == Weather)
            Assert.Equal((JsonValueKind.String, JsonValueKind.Number), (arguments.GetProperty("city").ValueKind, arguments.GetProperty("days").ValueKind));
    }

    private sealed record Person(string Name, int Age);

    // With a place for events.
    private sealed class ScriptedChat(string answer, ILoggerFactory logs) : IDisposable
    {
        private readonly ScriptedModel _model = ScriptedModel.Answering(_ => ScriptedModel.Tokens(answer), logs: logs, sampling: EmbeddedLlm.Sampling.SamplingOptions.Greedy);

        public IChatClient Client => _model.Client;

        public void Dispose() => _model.Dispose();
    }
}
