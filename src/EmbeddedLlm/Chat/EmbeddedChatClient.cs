using System.Runtime.CompilerServices;
using EmbeddedLlm.Chat.Constraints;
using EmbeddedLlm.Conversations;
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
/// <param name="generator">Tokens to text.</param>
/// <param name="constraints">What answers may be.</param>
/// <param name="time">Dates responses.</param>
/// <param name="logger">Takes events.</param>
/// <param name="services">What <see cref="GetService"/> gives beside metadata and the client itself.</param>
/// <param name="conversations">Keeps conversations; null where requests bring their whole history.</param>
internal sealed class EmbeddedChatClient(
    string modelId, ChatPrompt prompt, RequestMapper mapper, TextGenerator generator, ConstraintCache constraints, TimeProvider time, ILogger logger, IReadOnlyList<object> services,
    ConversationStore? conversations) : IChatClient
{
    /// <summary>The provider's name in metadata and traces.</summary>
    public const string ProviderName = "embeddedllm";

    private readonly ChatClientMetadata _metadata = new(ProviderName, providerUri: null, modelId);

    public Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        return StreamAsync(messages, options, cancellationToken).ToChatResponseAsync(cancellationToken);
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
            (history, generation) = (turn.History, generation with { PrefixKey = turn.PrefixKey });
        var written = prompt.Write(history, options?.Instructions, tools, options?.Reasoning?.Effort, cancellationToken);
        if (prompt.StopStrings.Count > 0)
            generation = generation with { StopSequences = [.. generation.StopSequences ?? [], .. prompt.StopStrings] };
        var rules = new AnswerRules
        {
            Tools = tools.Callable,
            MustCall = tools.MustCall,
            MayCallOften = options?.AllowMultipleToolCalls != false,
            Form = generation.Form,
            IsReasoning = written.IsReasoning,
            MayReason = written.MayReason,
            PassOverUnenforceable = mapper.GoesOnWithoutUnsupported,
        };
        var constraint = rules.IsEmpty || generation.Constraint is not null ? null : constraints.Get(rules);
        var reader = generator.Start(written.Tokens, generation, beginsText: true, prompt.Marks, constraint, cancellationToken);
        var answer = new AnswerReader(
            reader,
            prompt.Syntax.CreateParser(written.IsReasoning, tools.Tools),
            new CallIds(history),
            givesReasoning: options?.Reasoning?.Output != ReasoningOutput.None,
            takesOneCall: options?.AllowMultipleToolCalls == false,
            logger);

        var id = Guid.NewGuid().ToString("N");
        var created = time.GetUtcNow();
        ChatResponseUpdate Update(AIContent content) => new(ChatRole.Assistant, [content])
        {
            ResponseId = $"response-{id}",
            MessageId = $"message-{id}",
            ModelId = modelId,
            ConversationId = turn?.Id,
            CreatedAt = created,
        };

        await foreach (var content in answer.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            var update = Update(content);
            turn?.Add(update);
            yield return update;
        }

        var last = Update(new UsageContent(answer.Usage));
        last.FinishReason = answer.FinishReason;
        turn?.Complete(last, [.. written.Tokens, .. reader.Tokens]); // before the end is told: who hears of it may go on
        yield return last;
    }
}
