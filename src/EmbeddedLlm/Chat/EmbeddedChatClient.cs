using System.Runtime.CompilerServices;
using EmbeddedLlm.Chat.Constraints;
using EmbeddedLlm.Conversations;
using EmbeddedLlm.Grammar;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;

namespace EmbeddedLlm.Chat;

/// <summary>
/// The chat client of a loaded model. Stateless but for the conversations that requests name, and safe for concurrent use; disposing it does nothing, as the
/// model may have other clients.
/// </summary>
/// <param name="modelId">What responses carry.</param>
/// <param name="prompt">Messages to tokens.</param>
/// <param name="mapper">Options to a request.</param>
/// <param name="fitter">Keeps prompts within the context.</param>
/// <param name="generator">Tokens to text.</param>
/// <param name="constraints">What answers may be.</param>
/// <param name="time">Dates responses.</param>
/// <param name="logger">Takes events.</param>
/// <param name="services">What <see cref="GetService"/> gives beside metadata and the client itself.</param>
/// <param name="conversations">Keeps conversations; null where requests bring their whole history.</param>
internal sealed class EmbeddedChatClient(
    string modelId, ChatPrompt prompt, RequestMapper mapper, ContextFitter fitter, TextGenerator generator, ConstraintCache constraints, TimeProvider time, ILogger logger, IReadOnlyList<object> services,
    ConversationStore? conversations) : IChatClient
{
    /// <summary>The provider's name in metadata and traces.</summary>
    public const string ProviderName = "embeddedllm";

    private readonly ChatClientMetadata _metadata = new(ProviderName, providerUri: null, modelId);

    public Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        return ChatResponseProperties.LiftAsync(StreamAsync(messages, options, cancellationToken).ToChatResponseAsync(cancellationToken));
    }

    public IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        return StreamAsync(messages, options, cancellationToken);
    }

    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null
            : serviceType == typeof(ChatClientMetadata) ? _metadata
            : serviceType.IsInstanceOfType(this) ? this
            : services.FirstOrDefault(serviceType.IsInstanceOfType);
    }

    public void Dispose()
    {
    }

    private async IAsyncEnumerable<ChatResponseUpdate> StreamAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // Templates and tokenizers compute for a while with long histories: not on the caller's (perhaps a window's) thread.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        cancellationToken.ThrowIfCancellationRequested();

        var generation = mapper.Map(this, options);
        var tools = ToolOffer.From(options);
        IReadOnlyList<ChatMessage> history = [.. messages];
        using var turn = options?.ConversationId is { } conversation ? conversations?.Begin(conversation, history) : null;
        if (turn is not null)
            (history, generation) = (turn.History, generation with { OwnPrefixKey = turn.OwnKey });
        var (told, prefill) = Prefill.Of(history, generation);
        var written = fitter.Write(told, options?.Instructions, generation, (kept, instructions) => prompt.Write(kept, instructions, tools, options?.Reasoning?.Effort, prefill, cancellationToken), out var dropped);
        if (prompt.StopStrings.Count > 0)
            generation = generation with { StopSequences = [.. generation.StopSequences ?? [], .. prompt.StopStrings] };
        var takesOneCall = options?.AllowMultipleToolCalls == false;
        if (generation.Constraint is null)
            generation = generation with { Constraint = ConstraintOf(generation, tools, takesOneCall, written) };
        var parser = prompt.Syntax.CreateParser(written.IsReasoning, tools.Tools);
        parser.Begin(written.Prefill);
        var reader = generator.Start(written.Tokens, generation, beginsText: written.PrefillTokens == 0, prompt.Marks, written.PrefillTokens, cancellationToken);
        var answer = new AnswerReader(
            reader,
            parser,
            new CallIds(history),
            givesReasoning: options?.Reasoning?.Output != ReasoningOutput.None,
            takesOneCall,
            logger);

        var id = Guid.NewGuid().ToString("N");
        var created = time.GetUtcNow();
        AnswerLogprobs? logprobs = null;
        ChatResponseUpdate Update(AIContent content) => new(ChatRole.Assistant, [content])
        {
            ResponseId = $"response-{id}",
            MessageId = $"message-{id}",
            ModelId = modelId,
            ConversationId = turn?.Id,
            CreatedAt = created,
            AdditionalProperties = answer.TakeLogprobs() is { Length: > 0 } own ? new() { [ChatResponseProperties.LogprobsKey] = logprobs = new(logprobs, own) } : null,
        };

        await foreach (var content in answer.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            var update = Update(content);
            turn?.Add(update);
            yield return update;
        }

        var last = Update(new UsageContent(answer.Usage));
        if (dropped > 0)
            (last.AdditionalProperties ??= [])[ChatResponseProperties.DroppedMessagesKey] = dropped;
        last.FinishReason = answer.FinishReason;
        turn?.Complete(told, prefill, last, [.. written.Tokens, .. reader.Tokens], TextGenerator.KeyOf(generation)); // before the end is told: who hears of it may go on
        yield return last;
    }

    // What the request asks of its answer; null where it may be anything.
    private Constraint? ConstraintOf(GenerationOptions generation, ToolOffer tools, bool takesOneCall, WrittenPrompt written)
    {
        var rules = new AnswerRules
        {
            Tools = tools.Callable,
            MustCall = tools.MustCall,
            MayCallOften = !takesOneCall,
            Form = generation.Form,
            IsReasoning = written.IsReasoning,
            MayReason = written.MayReason,
            PassOverUnenforceable = mapper.GoesOnWithoutUnsupported,
        };
        return rules.IsEmpty ? null : constraints.Get(rules);
    }
}
