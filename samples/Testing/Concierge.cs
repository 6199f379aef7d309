using Microsoft.Extensions.AI;

namespace Testing;

/// <summary>The app under test: what it has of a model is an <see cref="IChatClient"/>, and so a test can give it another.</summary>
public sealed class Concierge(IChatClient chat)
{
    private readonly AIFunction _rooms = AIFunctionFactory.Create((DateOnly day) => day.Day % 2 == 0 ? "two rooms" : "none", "free_rooms", "The rooms that are free on a day.");

    /// <summary>Answers a guest, and asks the hotel's book where it must.</summary>
    public async Task<string> AnswerAsync(string question)
    {
        using var client = new FunctionInvokingChatClient(chat);
        return (await client.GetResponseAsync(question, new() { Instructions = "You are a concierge.", Tools = [_rooms] })).Text;
    }

    /// <summary>What a guest wants, as data.</summary>
    public async Task<Booking> ReadAsync(string letter) => (await chat.GetResponseAsync<Booking>($"What does this guest want?\n{letter}")).Result;

    /// <summary>Answers word by word.</summary>
    public IAsyncEnumerable<string> StreamAsync(string question) => chat.GetStreamingResponseAsync(question).Select(update => update.Text);
}
