namespace EmbeddedLlm.Chat;

/// <summary>
/// What happens to a history that is too long for the context. A turn is a message of the user with all that answers it, calls of tools with their results
/// among that; the last one is never dropped. Room is left for <c>MaxOutputTokens</c>, or 256 tokens where it is not set, but for no more than half the context.
/// </summary>
public enum ContextOverflow
{
    /// <summary>The request fails with <see cref="ContextFullException"/>.</summary>
    Error,

    /// <summary>The oldest turns are left out, as few as need be, and before all what stands before the first of the user's messages: instructions and system messages.</summary>
    DropOldestTurns,

    /// <summary>The oldest turns are left out, as few as need be; instructions and system messages stay.</summary>
    KeepSystem,
}
