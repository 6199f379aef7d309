using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Chat;

/// <summary>The beginning of an answer that a request brings.</summary>
internal static class Prefill
{
    /// <summary>Splits a history into what the template writes and the beginning of the answer; empty where there is none.</summary>
    /// <exception cref="ArgumentException">The last message is to be gone on from, and is none of the assistant's, or has more than text.</exception>
    public static (IReadOnlyList<ChatMessage> Messages, string Text) Of(IReadOnlyList<ChatMessage> messages, GenerationOptions options)
    {
        var prefill = options.AssistantPrefill ?? "";
        if (options.ContinueFinalMessage != true)
            return (messages, prefill);
        if (messages is not [.., { } last] || last.Role != ChatRole.Assistant)
            throw new ArgumentException($"ContinueFinalMessage needs a last message of the assistant to go on from; it is {(messages is [.., { } other] ? $"one of the role '{other.Role}'" : "missing")}.", nameof(messages));
        if (last.Contents.FirstOrDefault(content => content is not TextContent) is { } foreign)
            throw new ArgumentException($"ContinueFinalMessage goes on from text alone; the last message has a {foreign.GetType().Name}.", nameof(messages));
        return ([.. messages.Take(messages.Count - 1)], last.Text + prefill);
    }
}
