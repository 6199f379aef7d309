using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Testing;

/// <summary>A request that a <see cref="StubChatClient"/> got.</summary>
public sealed class StubRequest
{
    internal StubRequest(IEnumerable<ChatMessage> messages, ChatOptions? options, bool isStreaming) =>
        (Messages, Options, IsStreaming) = ([.. messages], options?.Clone(), isStreaming);

    /// <summary>The messages, as they were at the time of the request.</summary>
    public IReadOnlyList<ChatMessage> Messages { get; }

    /// <summary>A copy of the options; null where there were none.</summary>
    public ChatOptions? Options { get; }

    /// <summary>Whether the answer was asked for as a stream.</summary>
    public bool IsStreaming { get; }

    /// <summary>The text of the last message of the user; empty where there is none.</summary>
    public string UserText => Messages.LastOrDefault(message => message.Role == ChatRole.User)?.Text ?? "";

    /// <summary>The results of tools that came after the last message of the user.</summary>
    public IEnumerable<FunctionResultContent> ToolResults =>
        Messages.Reverse().TakeWhile(message => message.Role != ChatRole.User).Reverse().SelectMany(message => message.Contents).OfType<FunctionResultContent>();

    /// <summary>The last message and what it is asked with, in one line.</summary>
    public override string ToString()
    {
        var last = Messages.Count == 0 ? "no message" : $"{Messages[^1].Role}: {Describe(Messages[^1])}";
        var tools = Options?.Tools is { Count: > 0 } given ? $", tools {string.Join(", ", given.Select(tool => tool.Name))}" : "";
        return $"{last} ({Messages.Count} messages{tools}{(IsStreaming ? ", streamed" : "")})";
    }

    private static string Describe(ChatMessage message) =>
        message.Text.Length > 0 ? $"\"{message.Text}\"" : string.Join(", ", message.Contents.Select(content => content.GetType().Name));
}
