using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Tests.Chat.Contract;

/// <summary>
/// A cancelled request ends with <see cref="OperationCanceledException"/> within a step, wherever it was, and leaves the model to others. Streams that are
/// left early, and runners that fail: <see cref="EmbeddedChatClientTests"/>.
/// </summary>
public sealed class CancellationContractTests
{
    private const int PromptLength = 400;
    private const int StepTokens = 8;
    private const int AnswerLength = 400;

    [Theory]
    [InlineData(0, false)] // before it begins
    [InlineData(0, true)]
    [InlineData(3, false)] // in the prompt
    [InlineData(3, true)]
    [InlineData((PromptLength / StepTokens) + 20, false)] // in the answer
    [InlineData((PromptLength / StepTokens) + 20, true)]
    public async Task Request_CancelledInAStep_EndsThereAndLeavesTheModel(int step, bool streams)
    {
        using var cancel = new CancellationTokenSource();
        using var model = ScriptedModel.Answering(_ => [.. Enumerable.Repeat(ScriptedModel.Tokens("Hello")[0], AnswerLength)], contextLength: 1024, batchTokens: StepTokens);
        model.Runner.BeforeRun = runner =>
        {
            if (runner.Runs == step)
                cancel.Cancel();
        };
        if (step == 0)
            await cancel.CancelAsync();
        ChatMessage[] messages = [new(ChatRole.User, new string('a', PromptLength))];

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => streams
            ? model.Client.GetStreamingResponseAsync(messages, cancellationToken: cancel.Token).ToChatResponseAsync(CancellationToken.None)
            : model.Client.GetResponseAsync(messages, cancellationToken: cancel.Token));

        Assert.InRange(model.Runner.Runs, step, step + 2);
        var next = await model.Client.AskAsync(streams, options: new() { MaxOutputTokens = 2 });
        Assert.Equal(("HelloHello", ChatFinishReason.Length), (next.Text, next.FinishReason));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Request_CancelledInAnEnforcedAnswer_EndsAndLeavesTheConstraintToOthers(bool streams)
    {
        using var cancel = new CancellationTokenSource();
        using var model = ScriptedModel.Answering(_ => ScriptedModel.Tokens($"\"{new string('a', AnswerLength)}\""), contextLength: 1024, batchTokens: StepTokens);
        model.Runner.BeforeRun = runner =>
        {
            if (runner.Runs == 20)
                cancel.Cancel();
        };
        var options = new ChatOptions { ResponseFormat = ChatResponseFormat.ForJsonSchema<string>() };

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => streams
            ? model.Client.GetStreamingResponseAsync("Hi", options, cancel.Token).ToChatResponseAsync(CancellationToken.None)
            : model.Client.GetResponseAsync("Hi", options, cancel.Token));

        Assert.Equal($"\"{new string('a', AnswerLength)}\"", (await model.Client.AskAsync(streams, options: options)).Text);
    }
}
