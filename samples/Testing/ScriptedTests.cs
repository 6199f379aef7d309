using EmbeddedLlm.Testing;
using Microsoft.Extensions.AI;
using Xunit;

namespace Testing;

/// <summary><see cref="ScriptedModel"/>: the words are the test's, all else is real: template, tokenizer, engine, what is enforced, parsers.</summary>
public sealed class ScriptedTests
{
    [Fact]
    public async Task Prompt_IsWhatTheModelWouldRead()
    {
        using var scripted = new ScriptedModel("We do.");

        Assert.Equal("We do.", await new Concierge(scripted.Client).AnswerAsync("Do you have a pool?"));

        Assert.StartsWith("<|im_start|>system\nYou are a concierge.", scripted.Prompts[0], StringComparison.Ordinal);
        Assert.Contains("\"free_rooms\"", scripted.Prompts[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Call_IsReadFromTheTextAndItsResultWritten()
    {
        using var scripted = new ScriptedModel(prompt => prompt.Contains("two rooms", StringComparison.Ordinal)
            ? "We have two rooms."
            : """<tool_call>{"name": "free_rooms", "arguments": {"day": "2026-05-04"}}</tool_call>""");

        Assert.Equal("We have two rooms.", await new Concierge(scripted.Client).AnswerAsync("Is anything free on May 4th?"));
    }

    [Fact]
    public async Task Schema_HoldsWhateverTheModelSays()
    {
        using var scripted = new ScriptedModel("""{"guest":"Ada","day":"2026-05-04","nights":"two"}""");

        var booking = await new Concierge(scripted.Client).ReadAsync("Dear hotel …");

        Assert.Equal(("Ada", new DateOnly(2026, 5, 4)), (booking.Guest, booking.Day)); // and some number of nights
    }

    [Fact]
    public async Task Budget_CutsTheAnswer()
    {
        using var scripted = new ScriptedModel("A long answer to a short question.");

        var response = await scripted.Client.GetResponseAsync("Well?", new() { MaxOutputTokens = 3 });

        Assert.Equal((ChatFinishReason.Length, 3), (response.FinishReason, response.Usage!.OutputTokenCount));
    }
}
