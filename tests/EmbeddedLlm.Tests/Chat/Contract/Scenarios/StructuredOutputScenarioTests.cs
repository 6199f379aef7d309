using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.AI;
using Scripted = EmbeddedLlm.Testing.ScriptedModel;

namespace EmbeddedLlm.Tests.Chat.Contract.Scenarios;

/// <summary><c>GetResponseAsync&lt;T&gt;</c> of many types: what the model says where it fits, and something that fits where it does not.</summary>
public sealed class StructuredOutputScenarioTests
{
    private const string Unwilling = "I would rather talk.";

    private static CancellationToken Test => TestContext.Current.CancellationToken;

    [Fact]
    public async Task GetResponse_StructuredOutput_IsTyped()
    {
        var person = await Ask<Person>("""{"fullName":"Ada Lovelace","ageInYears":36,"hasHobby":true,"job":"Engineer"}""");

        Assert.Equal(new("Ada Lovelace", 36, true, Job.Engineer), person);
        Assert.InRange((await Ask<Person>(Unwilling)).AgeInYears, 0, 150);
    }

    [Fact]
    public async Task GetResponse_StructuredOutputArray_IsTyped()
    {
        Assert.Equal([new("Ada", 36, false, Job.Poet)], await Ask<Person[]>("""{"data":[{"fullName":"Ada","ageInYears":36,"hasHobby":false,"job":"Poet"}]}"""));
        Assert.NotNull(await Ask<Person[]>(Unwilling));
    }

    [Fact]
    public async Task GetResponse_StructuredOutputInteger_IsTyped()
    {
        Assert.Equal(-42, await Ask<int>("""{"data":-42}"""));
        await Ask<int>(Unwilling);
    }

    [Fact]
    public async Task GetResponse_StructuredOutputString_IsTyped()
    {
        Assert.Equal("a \"b\" €\n", await Ask<string>("""{"data":"a \"b\" €\n"}"""));
        Assert.NotNull(await Ask<string>(Unwilling));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task GetResponse_StructuredOutputBool_IsTyped(bool value) =>
        Assert.Equal(value, await Ask<bool>($$"""{"data":{{(value ? "true" : "false")}}}"""));

    [Fact]
    public async Task GetResponse_StructuredOutputEnum_IsTyped()
    {
        Assert.Equal(Job.Poet, await Ask<Job>("""{"data":"Poet"}"""));
        Assert.True(Enum.IsDefined(await Ask<Job>(Unwilling)));
    }

    [Fact]
    public async Task GetResponse_StructuredOutputOfManyTypes_IsTyped()
    {
        Assert.Equal(new DateOnly(2026, 2, 28), await Ask<DateOnly>("""{"data":"2026-02-28"}"""));
        Assert.Equal(new Dictionary<string, int> { ["a"] = 1 }, await Ask<Dictionary<string, int>>("""{"a":1}"""));
        await Ask<Guid>(Unwilling);
        await Ask<TimeSpan>(Unwilling);
        await Ask<Version>(Unwilling);
        await Ask<decimal?>(Unwilling);
        await Ask<Dictionary<string, int>>(Unwilling);
        await Ask<(int, string)[]>(Unwilling);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task GetResponse_StructuredOutput_WithFunctions(bool isInvoked)
    {
        using var scripted = new Scripted(prompt => prompt.Contains("<tool_response>", StringComparison.Ordinal) || !isInvoked
            ? """{"fullName":"Alan","ageInYears":41,"hasHobby":true,"job":"Engineer"}"""
            : Asking.Call("age", """{"name": "Alan"}"""));
        using var client = scripted.Client.AsBuilder().UseFunctionInvocation().Build();
        var asked = 0;
        var tool = AIFunctionFactory.Create((string name) => name.Length + asked++, "age");

        var response = await client.GetResponseAsync<Person>("Who is Alan?", new ChatOptions { Tools = [tool] }, cancellationToken: Test);

        Assert.Equal(("Alan", 41), (response.Result.FullName, response.Result.AgeInYears));
        Assert.Equal(isInvoked ? 1 : 0, asked);
    }

    [Fact]
    public async Task GetResponse_StructuredOutput_NonNative_AsksInWordsAndHoldsJson()
    {
        using var scripted = new Scripted("""{"fullName":"Ada","ageInYears":36,"hasHobby":false,"job":"Poet"}""", Unwilling);

        var response = await scripted.Client.GetResponseAsync<Person>("Who?", useJsonSchemaResponseFormat: false, cancellationToken: Test);
        var other = await scripted.Client.GetResponseAsync<Person>("Who?", useJsonSchemaResponseFormat: false, cancellationToken: Test);

        Assert.Equal("Ada", response.Result.FullName);
        Assert.Contains("ageInYears", scripted.Prompts[0], StringComparison.Ordinal);
        Assert.Contains(other.Text[0], "[{"); // JSON, though of no schema
    }

    [Fact]
    public async Task GetResponse_StructuredOutputThatTheBudgetCuts_IsNoResult()
    {
        using var scripted = new Scripted("""{"fullName":"a name without an end in sight","ageInYears":36,"hasHobby":false,"job":"Poet"}""");

        var response = await scripted.Client.GetResponseAsync<Person>("Who?", new ChatOptions { MaxOutputTokens = 8 }, cancellationToken: Test);

        Assert.Equal(ChatFinishReason.Length, response.FinishReason);
        Assert.False(response.TryGetResult(out _));
    }

    private static async Task<T> Ask<T>(string said)
    {
        using var scripted = new Scripted(said);
        var response = await scripted.Client.GetResponseAsync<T>("Who?", cancellationToken: Test);
        Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
        return response.Result;
    }

    private sealed record Person(string FullName, [property: Range(0, 150)] int AgeInYears, bool HasHobby, Job Job);

    private enum Job
    {
        Engineer,
        Poet,
    }
}
