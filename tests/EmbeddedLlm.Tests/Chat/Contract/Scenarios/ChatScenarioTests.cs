using Microsoft.Extensions.AI;
using Scripted = EmbeddedLlm.Testing.ScriptedModel;

namespace EmbeddedLlm.Tests.Chat.Contract.Scenarios;

/// <summary>Plain conversations. As all scenarios here, named after those of Microsoft's integration tests, with a script where they need a clever model.</summary>
public sealed class ChatScenarioTests
{
    private static CancellationToken Test => TestContext.Current.CancellationToken;

    [Fact]
    public async Task GetResponse_SingleRequestMessage_IsAnswered()
    {
        using var scripted = new Scripted(prompt => prompt.Contains("largest animal", StringComparison.Ordinal) ? "The blue whale." : "?");

        var response = await scripted.Client.GetResponseAsync("What is the largest animal?", cancellationToken: Test);

        Assert.Equal("The blue whale.", response.Text);
    }

    [Fact]
    public async Task GetResponse_MultipleRequestMessages_UsesTheHistory()
    {
        using var scripted = new Scripted(prompt => prompt.Contains("Paris", StringComparison.Ordinal) && prompt.Contains("Oslo", StringComparison.Ordinal) ? "Paris and Oslo." : "?");

        var response = await scripted.Client.GetResponseAsync(
            [
                new(ChatRole.User, "The capital of France?"),
                new(ChatRole.Assistant, "Paris."),
                new(ChatRole.User, "Of Norway?"),
                new(ChatRole.Assistant, "Oslo."),
                new(ChatRole.User, "Both?"),
            ],
            cancellationToken: Test);

        Assert.Equal("Paris and Oslo.", response.Text);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task GetResponse_WithEmptyMessage_IsAnswered(bool streams)
    {
        using var scripted = new Scripted("Two.");

        var response = await scripted.Client.AskAsync(streams, [new(ChatRole.System, []), new(ChatRole.User, []), new(ChatRole.Assistant, []), new(ChatRole.User, "One and one?")]);

        Assert.Equal("Two.", response.Text);
    }

    [Fact]
    public async Task GetStreamingResponse_Text_ComesInPieces()
    {
        using var scripted = new Scripted("One small step for a man.");

        var updates = await scripted.Client.StreamAsync("Quote!");

        Assert.Equal("One small step for a man.", string.Concat(updates.Select(update => update.Text)));
        Assert.True(updates.Count(update => update.Text.Length > 0) > 1);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task GetResponse_UsageDataAvailable_AddsUp(bool streams)
    {
        using var scripted = new Scripted("One small step for a man.");

        var usage = (await scripted.Client.AskAsync(streams, "Quote!")).Usage!;

        Assert.True(usage is { InputTokenCount: > 1, OutputTokenCount: > 1 });
        Assert.Equal(usage.InputTokenCount + usage.OutputTokenCount, usage.TotalTokenCount);
    }

    [Fact]
    public async Task GetStreamingResponse_AppendToHistory_IsOneMessageWithOneText()
    {
        using var scripted = new Scripted(prompt => prompt.Contains("assistant\nAn old man and the sea.<|im_end|>", StringComparison.Ordinal) ? "Again?" : "An old man and the sea.");
        List<ChatMessage> history = [new(ChatRole.User, "A title!")];

        await history.AddMessagesAsync(scripted.Client.GetStreamingResponseAsync(history, cancellationToken: Test), cancellationToken: Test);
        history.Add(new(ChatRole.User, "Another!"));
        await history.AddMessagesAsync(scripted.Client.GetStreamingResponseAsync(history, cancellationToken: Test), cancellationToken: Test);

        Assert.Equal([ChatRole.User, ChatRole.Assistant, ChatRole.User, ChatRole.Assistant], history.Select(message => message.Role));
        Assert.Equal("An old man and the sea.", Assert.IsType<TextContent>(Assert.Single(history[1].Contents)).Text);
        Assert.Equal("Again?", history[3].Text);
    }

    [Theory]
    [InlineData("image/png", false)]
    [InlineData("image/png", true)]
    [InlineData("application/pdf", false)]
    [InlineData("application/pdf", true)]
    public async Task MultiModal_DescribeImageOrPdf_IsRefusedByItsName(string mediaType, bool streams)
    {
        using var scripted = new Scripted("A dog.");

        var refused = await Assert.ThrowsAsync<NotSupportedException>(() =>
            scripted.Client.AskAsync(streams, [new(ChatRole.User, [new TextContent("What do you see?"), new DataContent(new byte[] { 1, 2 }, mediaType)])]));

        Assert.Contains(mediaType, refused.Message, StringComparison.Ordinal);
        Assert.Empty(scripted.Prompts);
    }
}
