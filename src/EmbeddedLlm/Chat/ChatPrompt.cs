using EmbeddedLlm.Chat.Templates;
using EmbeddedLlm.Tokenization;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;

namespace EmbeddedLlm.Chat;

/// <summary>From messages to the tokens of a prompt: the model's template, then its tokenizer.</summary>
internal sealed partial class ChatPrompt(string modelId, ChatTemplate template, Tokenizer tokenizer, TimeProvider time, ILogger logger)
{
    private int _isUsed;

    /// <summary>Texts that end the answer beside the model's end tokens: those of a format that the model was not trained on.</summary>
    public IReadOnlyList<string> StopStrings => template.StopStrings;

    /// <summary>Renders and tokenizes a history, up to where the answer begins.</summary>
    /// <exception cref="NotSupportedException">A message carries what the model cannot read.</exception>
    /// <exception cref="LlmException">The template refused the messages.</exception>
    public int[] Tokens(IEnumerable<ChatMessage> messages, string? instructions, CancellationToken cancellationToken)
    {
        if (template.Kind != ChatTemplateKind.Model && Interlocked.Exchange(ref _isUsed, 1) == 0)
            LogTemplateFallback(logger, modelId, template.Kind);

        var text = template.Render(TemplateMessages.From(messages, instructions), time: time, cancellationToken: cancellationToken);
        var tokens = tokenizer.Encode(text, addSpecial: false, parseSpecial: true);

        // Most templates write the BOS token themselves; some models want one although theirs does not.
        return tokenizer is { AddsBos: true, BosId: { } bos } && (tokens.Length == 0 || tokens[0] != bos) ? [bos, .. tokens] : tokens;
    }

    [LoggerMessage(2021, LogLevel.Warning, "{Model} brings no chat template; messages are written as {Format}")]
    private static partial void LogTemplateFallback(ILogger logger, string model, ChatTemplateKind format);
}
