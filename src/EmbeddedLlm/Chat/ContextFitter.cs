using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;

namespace EmbeddedLlm.Chat;

/// <summary>Leaves out old turns of a history until its prompt fits into the context, as few as need be.</summary>
/// <param name="contextLength">The most tokens, prompt and answer together.</param>
/// <param name="logger">Takes events.</param>
internal sealed partial class ContextFitter(int contextLength, ILogger logger)
{
    private const int DefaultReserve = 256;

    /// <summary>Writes the prompt of a history.</summary>
    public delegate WrittenPrompt Writer(IReadOnlyList<ChatMessage> messages, string? instructions);

    /// <summary>
    /// Writes the whole history; where that does not fit, tries how many turns to leave out by bisection, since each try renders and tokenizes. The last turn alone
    /// is given back however long it is.
    /// </summary>
    /// <param name="messages">The history.</param>
    /// <param name="instructions">What the model is told before it.</param>
    /// <param name="options">What the request asks for.</param>
    /// <param name="write">Writes a prompt.</param>
    /// <param name="dropped">How many messages were left out.</param>
    public WrittenPrompt Write(IReadOnlyList<ChatMessage> messages, string? instructions, GenerationOptions options, Writer write, out int dropped)
    {
        dropped = 0;
        var whole = write(messages, instructions);
        if (options.ContextOverflow is null or ContextOverflow.Error || Fits(whole, options))
            return whole;
        var turns = new Turns(messages, instructions, keepsSystem: options.ContextOverflow == ContextOverflow.KeepSystem);
        if (turns.Droppable == 0)
            return whole;

        var (tooFew, enough) = (0, turns.Droppable);
        var prompt = write(turns.Without(enough, out var kept, out dropped), kept);
        while (enough - tooFew > 1 && Fits(prompt, options))
        {
            var middle = (tooFew + enough) / 2;
            var longer = write(turns.Without(middle, out kept, out var fewer), kept);
            if (Fits(longer, options))
                (enough, prompt, dropped) = (middle, longer, fewer);
            else
                tooFew = middle;
        }

        LogDropped(logger, dropped, messages.Count, whole.Tokens.Length, prompt.Tokens.Length, contextLength);
        return prompt;
    }

    private bool Fits(WrittenPrompt prompt, GenerationOptions options) =>
        prompt.Tokens.Length <= contextLength - Math.Min(options.MaxOutputTokens ?? DefaultReserve, contextLength / 2);

    [LoggerMessage(2034, LogLevel.Information, "The history is too long for the context of {ContextLength} tokens: {Dropped} of its {Messages} messages were left out, which makes {Tokens} tokens of {WholeTokens}.")]
    private static partial void LogDropped(ILogger logger, int dropped, int messages, int wholeTokens, int tokens, int contextLength);
}
