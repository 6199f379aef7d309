namespace EmbeddedLlm;

/// <summary>A prompt is longer than the context it should fit into.</summary>
/// <param name="promptTokens">Tokens of the prompt.</param>
/// <param name="contextTokens">Tokens that fit.</param>
public sealed class ContextFullException(int promptTokens, int contextTokens)
    : LlmException($"The prompt has {promptTokens} tokens, the context holds {contextTokens}. Shorten the messages or raise ContextLength.")
{
    /// <summary>Tokens of the prompt.</summary>
    public int PromptTokens { get; } = promptTokens;

    /// <summary>Tokens that the context holds.</summary>
    public int ContextTokens { get; } = contextTokens;
}
