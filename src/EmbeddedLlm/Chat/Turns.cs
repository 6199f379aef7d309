using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Chat;

/// <summary>
/// A history cut into turns, of which the oldest may be left out: a message of the user with all that answers it. What stands before the first of the
/// user's messages, instructions too, is the oldest turn. The last turn stays.
/// </summary>
internal sealed class Turns
{
    private readonly IReadOnlyList<ChatMessage> _messages;
    private readonly string? _instructions;
    private readonly bool _keepsSystem;
    private readonly List<int> _starts = [];

    /// <param name="messages">The history.</param>
    /// <param name="instructions">What the model is told before it.</param>
    /// <param name="keepsSystem">Whether system messages and instructions stay.</param>
    public Turns(IReadOnlyList<ChatMessage> messages, string? instructions, bool keepsSystem)
    {
        (_messages, _instructions, _keepsSystem) = (messages, instructions, keepsSystem);
        for (var i = 0; i < messages.Count; i++)
            if (IsQuestion(messages[i]))
                _starts.Add(i);
        if (_starts.Count > 0 && (_starts[0] > 0 || (!keepsSystem && !string.IsNullOrEmpty(instructions))))
            _starts.Insert(0, 0);
    }

    /// <summary>How many may be left out.</summary>
    public int Droppable => Math.Max(0, _starts.Count - 1);

    /// <summary>What is left without the oldest turns.</summary>
    /// <param name="count">How many to leave out, up to <see cref="Droppable"/>.</param>
    /// <param name="instructions">The instructions; null where they are left out.</param>
    /// <param name="dropped">How many messages are left out, instructions counted as one.</param>
    public IReadOnlyList<ChatMessage> Without(int count, out string? instructions, out int dropped)
    {
        (instructions, dropped) = (_instructions, 0);
        if (count == 0)
            return _messages;

        var start = _starts[count];
        var kept = _messages.Where((message, index) => index >= start || (_keepsSystem && message?.Role == ChatRole.System)).ToArray();
        dropped = _messages.Count - kept.Length;
        if (_keepsSystem || string.IsNullOrEmpty(_instructions))
            return kept;
        dropped++;
        instructions = null;
        return kept;
    }

    // Some apps give results of tools in the user's name.
    private static bool IsQuestion(ChatMessage? message) => message?.Role == ChatRole.User && !message.Contents.OfType<FunctionResultContent>().Any();
}
