namespace EmbeddedLlm.Chat.Syntax;

/// <summary>Whom a message of an answer is for.</summary>
/// <param name="Tool">The tool that it calls; null for none.</param>
/// <param name="IsReasoning">Whether the model talks to itself.</param>
internal readonly record struct MessageTarget(string? Tool, bool IsReasoning);
