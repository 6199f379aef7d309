using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Tests.Chat.Contract;

/// <summary>Asks a client at once or as a stream, for rules that hold either way.</summary>
internal static class Asking
{
    private static CancellationToken Test => TestContext.Current.CancellationToken;

    public static Task<ChatResponse> AskAsync(this IChatClient client, bool streams, string message = "Hi", ChatOptions? options = null) =>
        client.AskAsync(streams, [new ChatMessage(ChatRole.User, message)], options);

    public static Task<ChatResponse> AskAsync(this IChatClient client, bool streams, IEnumerable<ChatMessage> messages, ChatOptions? options = null) => streams
        ? client.GetStreamingResponseAsync(messages, options, Test).ToChatResponseAsync(Test)
        : client.GetResponseAsync(messages, options, Test);

    /// <summary>The updates of a stream.</summary>
    public static ValueTask<List<ChatResponseUpdate>> StreamAsync(this IChatClient client, string message = "Hi", ChatOptions? options = null) =>
        client.GetStreamingResponseAsync(message, options, Test).ToListAsync(Test);

    /// <summary>All contents of a kind.</summary>
    public static T[] All<T>(this ChatResponse response) where T : AIContent => [.. response.Messages.SelectMany(message => message.Contents).OfType<T>()];

    /// <summary>A call as models of Hermes' kind write it.</summary>
    public static string Call(string tool, string arguments = "{}") => $"<tool_call>\n{{\"name\": \"{tool}\", \"arguments\": {arguments}}}\n</tool_call>";
}
