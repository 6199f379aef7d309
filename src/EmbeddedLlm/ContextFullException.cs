namespace EmbeddedLlm;

/// <summary>A prompt, or a text to embed, is longer than the context it should fit into.</summary>
public sealed class ContextFullException : LlmException
{
    /// <summary>Makes the exception.</summary>
    /// <param name="promptTokens">Tokens of the prompt.</param>
    /// <param name="contextTokens">Tokens that fit.</param>
    public ContextFullException(int promptTokens, int contextTokens)
        : this($"The prompt has {promptTokens} tokens, the context holds {contextTokens}. Shorten the messages or raise ContextLength.", promptTokens, contextTokens)
    {
    }

    internal ContextFullException(string message, int promptTokens, int contextTokens) : base(message) =>
        (PromptTokens, ContextTokens) = (promptTokens, contextTokens);

    /// <summary>Tokens of the prompt.</summary>
    public int PromptTokens { get; }

    /// <summary>Tokens that the context holds.</summary>
    public int ContextTokens { get; }
}
