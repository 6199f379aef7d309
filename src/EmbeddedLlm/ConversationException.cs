namespace EmbeddedLlm;

/// <summary>Why a kept conversation cannot go on.</summary>
public enum ConversationProblem
{
    /// <summary>There is none of this id: it never was, was removed, or was dropped for newer ones.</summary>
    Unknown,

    /// <summary>It is answering another request; or a new one has no room, as all that are kept are answering.</summary>
    Busy,

    /// <summary>It has as many messages as a conversation may have.</summary>
    Full,
}

/// <summary>A request cannot go on a kept conversation. The conversation, if there is one, is as it was.</summary>
/// <param name="problem">Why not.</param>
/// <param name="message">The same in words.</param>
public sealed class ConversationException(ConversationProblem problem, string message) : LlmException(message)
{
    /// <summary>Why not.</summary>
    public ConversationProblem Problem { get; } = problem;
}
