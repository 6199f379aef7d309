using EmbeddedLlm.Chat;
using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Tests.Chat;

public sealed class StopTokensTests
{
    private static readonly ChatMessage[] Hi = [new(ChatRole.User, "Hi")];

    private static CancellationToken Test => TestContext.Current.CancellationToken;

    private static int World => ScriptedModel.Tokens(" world")[0];

    [Fact]
    public async Task GetResponseAsync_StopToken_EndsTheAnswerBeforeIt()
    {
        using var model = ScriptedModel.Answering("Hello", " world", "Hello");

        var response = await model.Client.GetResponseAsync(Hi, new ChatOptions().WithStopTokens(World), Test);
        var updates = await model.Client.GetStreamingResponseAsync(Hi, new ChatOptions().WithStopTokens(1, World), Test).ToListAsync(Test);

        Assert.All([response, updates.ToChatResponse()], each => Assert.Equal(("Hello", ChatFinishReason.Stop, 1L), (each.Text, each.FinishReason, each.Usage!.OutputTokenCount)));
    }

    [Fact]
    public async Task GetResponseAsync_StopTokens_LeaveTheModelsOwn()
    {
        using var model = ScriptedModel.Answering("Hello");

        var response = await model.Client.GetResponseAsync(Hi, new ChatOptions().WithStopTokens(World), Test);

        Assert.Equal(("Hello", ChatFinishReason.Stop), (response.Text, response.FinishReason));
    }

    [Fact]
    public async Task CompleteAsync_StopToken_EndsTheText()
    {
        using var model = ScriptedModel.Answering("Hello", " world", "Hello");

        var completion = await model.Model.CompleteAsync("<|im_start|>assistant\n", new() { StopTokens = [World] }, Test);

        Assert.Equal(("Hello", ChatFinishReason.Stop), (completion.Text, completion.FinishReason));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(100_000)]
    public async Task GetResponseAsync_StopTokenThatTheVocabularyLacks_IsNamed(int token)
    {
        using var model = ScriptedModel.Answering("Hello");

        var error = await Assert.ThrowsAsync<ArgumentException>(() => model.Client.GetResponseAsync(Hi, new ChatOptions().WithStopTokens(1, token), Test));

        Assert.Contains($"StopTokens has token {token}; the vocabulary ends at {ScriptedModel.Tokenizer.VocabularySize - 1}.", error.Message, StringComparison.Ordinal);
    }
}
