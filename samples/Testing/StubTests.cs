using EmbeddedLlm.Testing;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Testing;

/// <summary><see cref="StubChatClient"/>: a client that answers by rules, at once, without any model.</summary>
public sealed class StubTests : IDisposable
{
    private readonly StubChatClient _stub = new();

    private Concierge Concierge => new(_stub);

    public void Dispose() => _stub.Dispose();

    [Fact]
    public async Task Rules_TheFirstThatMatchesAnswers()
    {
        _stub.When("breakfast").Reply("From seven to ten.");
        _stub.When(request => request.UserText.Length > 100).Reply("In short, please?");
        _stub.Otherwise().Reply(request => $"I do not know about '{request.UserText}'.");

        Assert.Equal("From seven to ten.", await Concierge.AnswerAsync("When is BREAKFAST?"));
        Assert.Equal("In short, please?", await Concierge.AnswerAsync(new string('x', 101)));
        Assert.Equal("I do not know about 'Pets?'.", await Concierge.AnswerAsync("Pets?"));
    }

    [Fact]
    public async Task Sequence_AnswersInOrder()
    {
        _stub.Next().Reply("Good morning!");
        _stub.Next().Reply("Good evening!").Then().Reply("Good night!");

        foreach (var expected in (string[])["Good morning!", "Good evening!", "Good night!"])
            Assert.Equal(expected, await Concierge.AnswerAsync("Hello"));
        _stub.AssertAllAnswersGiven();
    }

    [Fact]
    public async Task Tools_AreCalledWithWhatTheStubAsks()
    {
        _stub.When("free").Call("free_rooms", ("day", "2026-05-04")).Then().Reply(request => $"We have {request.ToolResults.Last().Result}.");

        Assert.Equal("We have two rooms.", await Concierge.AnswerAsync("Is anything free on May 4th?"));
    }

    [Fact]
    public async Task Json_FitsTheSchemaThatTheAppAsksFor()
    {
        _stub.Next().ReplyJson(); // the smallest values that the schema allows
        _stub.Next().Reply("""{"guest":"Ada","day":"2026-05-04","nights":2}""");

        Assert.NotNull(await Concierge.ReadAsync("Dear hotel …"));
        Assert.Equal(new("Ada", new(2026, 5, 4), 2), await Concierge.ReadAsync("Dear hotel, it is Ada."));
    }

    [Fact]
    public async Task Streams_ComeInPiecesAndMayBreak()
    {
        _stub.Next().Reply("One two three");
        _stub.Next().Reply("abcdef").InChunksOf(4);
        _stub.Next().Reply("The pool").Throw(new IOException("The connection is lost."));

        Assert.Equal(["One", " two", " three", ""], await Concierge.StreamAsync("Count!").ToListAsync());
        Assert.Equal(["abcd", "ef", ""], await Concierge.StreamAsync("Spell!").ToListAsync());
        await Assert.ThrowsAsync<IOException>(async () => await Concierge.StreamAsync("What have you got?").ToListAsync());
    }

    [Fact]
    public async Task Delays_FollowAClockOfTheTest()
    {
        var time = new FakeTimeProvider();
        using var slow = new StubChatClient(time: time);
        slow.Otherwise().Reply("At last.").After(TimeSpan.FromMinutes(5));

        var answer = new Concierge(slow).AnswerAsync("Hello?");
        Assert.False(answer.IsCompleted);
        time.Advance(TimeSpan.FromMinutes(5)); // and no test waits for it
        Assert.Equal("At last.", await answer);
    }

    [Fact]
    public async Task Answers_CarryReasoningUsageAndReason()
    {
        _stub.Otherwise().Reason("They want to sleep.").Reply("We have").WithUsage(12, 34).Finish(ChatFinishReason.Length);

        var response = await _stub.GetResponseAsync("A room?");

        Assert.Equal("They want to sleep.", response.Messages[0].Contents.OfType<TextReasoningContent>().Single().Text);
        Assert.Equal((46, ChatFinishReason.Length), (response.Usage!.TotalTokenCount, response.FinishReason));
    }

    [Fact]
    public async Task Requests_AreKeptAndAsserted()
    {
        _stub.Otherwise().Reply("Yes.");

        await Concierge.AnswerAsync("Is there a lift?");

        _stub.AssertReceived(1);
        _stub.AssertReceived("lift");
        _stub.AssertReceived(request => request.Options!.Tools!.Single().Name == "free_rooms");
        Assert.Equal("You are a concierge.", _stub.Requests[0].Options!.Instructions);
    }

    [Fact]
    public async Task RequestThatNoRuleAnswers_FailsAndSaysWhich()
    {
        _stub.When("breakfast").Reply("From seven to ten.");

        var failure = await Assert.ThrowsAsync<StubAssertionException>(() => Concierge.AnswerAsync("When is dinner?"));

        Assert.Contains("When is dinner?", failure.Message, StringComparison.Ordinal);
    }
}
