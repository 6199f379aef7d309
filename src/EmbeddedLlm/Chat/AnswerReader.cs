using System.Runtime.CompilerServices;
using System.Text.Json;
using EmbeddedLlm.Chat.Syntax;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;

namespace EmbeddedLlm.Chat;

/// <summary>From the text of an answer to the contents of a message: text, reasoning, calls of tools. Read once; reason and usage are final after that.</summary>
/// <param name="answer">The text.</param>
/// <param name="parser">Understands it.</param>
/// <param name="ids">Names calls.</param>
/// <param name="givesReasoning">Whether reasoning is given out.</param>
/// <param name="takesOneCall">Whether the answer ends with its first call.</param>
/// <param name="logger">Takes events.</param>
internal sealed partial class AnswerReader(ResponseReader answer, AnswerParser parser, CallIds ids, bool givesReasoning, bool takesOneCall, ILogger logger)
{
    private int _reasoningTokens;
    private bool _hasCalls;
    private bool _isLeft;

    /// <summary>Why the answer ended.</summary>
    public ChatFinishReason FinishReason =>
        _isLeft ? ChatFinishReason.ToolCalls
        : _hasCalls && answer.FinishReason == ChatFinishReason.Stop ? ChatFinishReason.ToolCalls
        : answer.FinishReason;

    /// <summary>Tokens of prompt and answer; those of the reasoning, its end mark among them, counted apart where there are any.</summary>
    public UsageDetails Usage
    {
        get
        {
            var usage = answer.Usage;
            usage.ReasoningTokenCount = _reasoningTokens;
            return usage;
        }
    }

    /// <summary>The log probabilities of the tokens that were read since the last call; empty where they were not asked for.</summary>
    public TokenLogprob[] TakeLogprobs() => answer.TakeLogprobs();

    /// <summary>The contents, as soon as they are certain; a call when it is whole. Leaving the enumeration early ends the request.</summary>
    public async IAsyncEnumerable<AIContent> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var tokens = 0;
        await foreach (var piece in answer.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            if (parser.IsReasoning)
                _reasoningTokens += answer.OutputTokens - tokens;
            tokens = answer.OutputTokens;
            foreach (var part in parser.Append(piece))
            {
                if (Content(part) is not { } content)
                    continue;
                yield return content;
                if (takesOneCall && _hasCalls)
                {
                    _isLeft = true;
                    yield break;
                }
            }
        }

        if (parser.IsReasoning)
            _reasoningTokens += answer.OutputTokens - tokens;
        foreach (var part in parser.End())
        {
            if (takesOneCall && _hasCalls)
                break;
            if (Content(part) is { } content)
                yield return content;
        }
    }

    private AIContent? Content(AnswerPart part) => part switch
    {
        AnswerPart.Text text => new TextContent(text.Value),
        AnswerPart.Reasoning reasoning => givesReasoning ? new TextReasoningContent(reasoning.Value) : null,
        AnswerPart.Call { Value: { Problem: null } call } => Call(call),
        AnswerPart.Call { Value: var call } => BrokenCall(call),
        _ => throw new InvalidOperationException($"There is no content for {part}."),
    };

    private FunctionCallContent Call(ToolCall call)
    {
        _hasCalls = true;
        using var json = JsonDocument.Parse(call.Arguments);
        var arguments = new Dictionary<string, object?>();
        foreach (var argument in json.RootElement.EnumerateObject())
            arguments[argument.Name] = argument.Value.ValueKind == JsonValueKind.Null ? null : argument.Value.Clone();
        return new(ids.Next(call.Id), call.Name, arguments);
    }

    // Nobody must make it, with arguments missing; whoever asks finds what the model wrote.
    private FunctionCallContent BrokenCall(ToolCall call)
    {
        LogBrokenCall(logger, call.Problem!);
        return new(ids.Next(call.Id), call.Name)
        {
            Exception = new FormatException(call.Problem),
            InformationalOnly = true,
            RawRepresentation = call.Arguments,
        };
    }

    [LoggerMessage(2024, LogLevel.Warning, "A call of a tool cannot be made: {Problem}")]
    private static partial void LogBrokenCall(ILogger logger, string problem);
}
