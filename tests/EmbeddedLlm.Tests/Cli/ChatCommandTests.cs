using System.Runtime.CompilerServices;
using EmbeddedLlm.Cli;
using EmbeddedLlm.Cli.Commands;
using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Tests.Cli;

public sealed class ChatCommandTests : IDisposable
{
    private readonly Interrupts _interrupts = new();

    public void Dispose() => _interrupts.Dispose();

    [Fact]
    public async Task StoppedBeforeTheFirstToken_TheMessageLeavesTheHistory() =>
        Assert.Equal(["user: two"], await LastHistoryAsync([], new OperationCanceledException()));

    [Fact]
    public async Task StoppedInTheAnswer_BothStay() =>
        Assert.Equal(["user: one", "assistant: begun", "user: two"], await LastHistoryAsync(["be", "gun"], new OperationCanceledException()));

    [Fact]
    public async Task FailedInTheAnswer_BothLeave() =>
        Assert.Equal(["user: two"], await LastHistoryAsync(["be", "gun"], new LlmException("The backend failed.")));

    /// <summary>What the model is given in the second turn, after the first answer ended early.</summary>
    private async Task<string[]> LastHistoryAsync(string[] pieces, Exception end)
    {
        using var client = new BrokenOnce(pieces, end);
        await ChatCommand.ConverseAsync(new Terminal(new StringReader("one\ntwo\n"), TextWriter.Null, TextWriter.Null, _interrupts), client, new(), CancellationToken.None);
        Assert.Equal(2, client.Histories.Count);
        return client.Histories[1];
    }

    private sealed class BrokenOnce(string[] pieces, Exception end) : IChatClient
    {
        public List<string[]> Histories { get; } = [];

        public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
            IEnumerable<ChatMessage> messages, ChatOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
        {
            await Task.Yield();
            Histories.Add([.. messages.Select(message => $"{message.Role}: {message.Text}")]);
            if (Histories.Count > 1)
                yield break;
            foreach (var piece in pieces)
                yield return new ChatResponseUpdate(ChatRole.Assistant, piece);
            throw end;
        }

        public Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public object? GetService(Type serviceType, object? serviceKey = null) => null;

        public void Dispose()
        {
        }
    }
}
