using System.Text.Json.Nodes;
using EmbeddedLlm.Chat.Syntax;
using EmbeddedLlm.Chat.Templates;
using EmbeddedLlm.Tokenization;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;

namespace EmbeddedLlm.Chat;

/// <summary>From messages to the tokens of a prompt: the model's template, then its tokenizer.</summary>
internal sealed partial class ChatPrompt(string modelId, ChatTemplate template, Tokenizer tokenizer, TimeProvider time, ILogger logger)
{
    private readonly TemplateCalls _calls = new(template);
    private readonly Lazy<IReadOnlySet<int>> _marks = new(() => tokenizer.SpecialTokensIn(ChatSyntaxes.Of(template.Source).Markers));
    private int _isUsed;
    private int _thinksAnyway;
    private int _hasNoEffort;

    /// <summary>Texts that end the answer beside the model's end tokens: those of a format that the model was not trained on.</summary>
    public IReadOnlyList<string> StopStrings => template.StopStrings;

    /// <summary>How answers are written.</summary>
    public ChatSyntax Syntax { get; } = ChatSyntaxes.Of(template.Source);

    /// <summary>The control tokens with which answers are written.</summary>
    public IReadOnlySet<int> Marks => _marks.Value;

    /// <summary>Renders and tokenizes a history, up to where the answer begins.</summary>
    /// <param name="messages">The history.</param>
    /// <param name="instructions">What the model is told before it.</param>
    /// <param name="tools">The tools that the model may call.</param>
    /// <param name="effort">How much the model should reason; null for its own default.</param>
    /// <param name="prefill">The beginning of the answer, from which the model goes on.</param>
    /// <param name="cancellationToken">Stops the rendering.</param>
    /// <exception cref="NotSupportedException">A message carries what the model cannot read.</exception>
    /// <exception cref="LlmException">The template refused the messages.</exception>
    public WrittenPrompt Write(IEnumerable<ChatMessage> messages, string? instructions, ToolOffer tools, ReasoningEffort? effort, string prefill, CancellationToken cancellationToken)
    {
        if (template.Kind != ChatTemplateKind.Model && Interlocked.Exchange(ref _isUsed, 1) == 0)
            LogTemplateFallback(logger, modelId, template.Kind);

        var mapped = TemplateMessages.From(messages, instructions);
        ReasoningMember.Adapt(mapped, template);
        var described = tools.ToJson();
        if (template.SupportsTools)
            _calls.Adapt(mapped);
        else
            (mapped, described) = (GenericTools.Rewrite(mapped, described, hasToolRole: template.Kind != ChatTemplateKind.Model), null);

        var switches = ReasoningSwitches.Variables(template, effort);
        var text = template.Render(mapped, described, extra: switches, time: time, cancellationToken: cancellationToken);
        if (switches is null && effort is { } wished and not ReasoningEffort.None && Interlocked.Exchange(ref _hasNoEffort, 1) == 0)
            LogNoEffort(logger, modelId, wished);
        if (effort == ReasoningEffort.None)
            text = EndReasoning(text, switches);
        var tokens = tokenizer.Encode(text, addSpecial: false, parseSpecial: true);

        // Most templates write the BOS token themselves; some models want one although theirs does not.
        var needsBos = tokenizer is { AddsBos: true, BosId: not null } && (tokens.Length == 0 || tokens[0] != tokenizer.BosId);
        if (needsBos)
            tokens = [tokenizer.BosId!.Value, .. tokens];
        var (isReasoning, mayReason) = (Syntax.IsReasoning(text), MayReason(effort));
        if (prefill.Length == 0)
            return new(tokens, isReasoning, mayReason);

        // Tokens of its own, as if the model had written it.
        prefill = Syntax.Prefill(prefill, tools.Tools);
        var begun = tokenizer.EncodeAfter(tokens, prefill);
        return new([.. tokens, .. begun], isReasoning, mayReason, prefill, begun.Length);
    }

    // A model reasons if its template or its vocabulary knows the marks of it, and can be kept from it unless the format is made of them.
    private bool MayReason(ReasoningEffort? effort) => Syntax is not MarkedSyntax
        || (effort != ReasoningEffort.None && (Knows(Syntax.ReasoningStart) || Knows(Syntax.ReasoningEnds[0]) || tokenizer.TryGetId(Syntax.ReasoningStart, out _)));

    private bool Knows(string mark) => template.Source.Contains(mark, StringComparison.Ordinal);

    // A template without a switch for it: reasoning that the prompt begins is ended at once, reasoning that the model would begin stands there empty.
    private string EndReasoning(string prompt, JsonObject? switches)
    {
        if (Syntax is not MarkedSyntax)
        {
            if (Interlocked.Exchange(ref _thinksAnyway, 1) == 0)
                LogThinksAnyway(logger, modelId, Syntax.Name);
            return prompt;
        }

        var end = $"\n{Syntax.ReasoningEnds[0]}\n\n";
        if (Syntax.IsReasoning(prompt))
            return prompt.TrimEnd() + "\n" + end;
        return switches is null && (Knows(Syntax.ReasoningStart) || Knows(Syntax.ReasoningEnds[0])) ? $"{prompt}{Syntax.ReasoningStart}\n{end}" : prompt;
    }

    [LoggerMessage(2021, LogLevel.Warning, "{Model} brings no chat template; messages are written as {Format}")]
    private static partial void LogTemplateFallback(ILogger logger, string model, ChatTemplateKind format);

    [LoggerMessage(2026, LogLevel.Warning, "The template of {Model} has no switch for Reasoning.Effort {Effort}; it reasons as it always does")]
    private static partial void LogNoEffort(ILogger logger, string model, ReasoningEffort effort);

    [LoggerMessage(2023, LogLevel.Warning, "{Model} cannot be kept from reasoning, as Reasoning.Effort None asks: its format, {Format}, has no way. It is asked to reason little")]
    private static partial void LogThinksAnyway(ILogger logger, string model, string format);
}
