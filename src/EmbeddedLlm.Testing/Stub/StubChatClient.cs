using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Testing;

/// <summary>
/// A chat client for tests of apps: it answers by rules, in the order they were made, and remembers what it was asked. It keeps the contract of a real
/// one: ids, roles, usage, finish reasons, streams in pieces, cancellation. A request that no rule answers fails the test. Safe for concurrent use.
/// </summary>
/// <example><code>
/// var client = new StubChatClient();
/// client.When("weather").Call("get_weather", ("city", "Paris")).Then().Reply(request => $"It is {request.ToolResults.Last().Result}.");
/// client.Otherwise().Reply("I do not know.");
/// </code></example>
public sealed class StubChatClient : IChatClient
{
    private readonly TimeProvider _time;
    private readonly ChatClientMetadata _metadata;
    private readonly Lock _gate = new();
    private readonly List<StubRule> _rules = [];
    private readonly List<StubRequest> _requests = [];

    /// <summary>A client without rules.</summary>
    /// <param name="modelId">The model that responses name where a request names none.</param>
    /// <param name="time">The clock of its delays; null for the system's.</param>
    public StubChatClient(string modelId = "stub", TimeProvider? time = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(modelId);
        _time = time ?? TimeProvider.System;
        _metadata = new("stub", null, modelId);
    }

    /// <summary>What it was asked so far, in order.</summary>
    public IReadOnlyList<StubRequest> Requests
    {
        get
        {
            lock (_gate)
                return [.. _requests];
        }
    }

    /// <summary>Answers requests whose last message of the user contains a text, whatever its case.</summary>
    public StubRule When(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Add(new($"\"{text}\"", request => request.UserText.Contains(text, StringComparison.OrdinalIgnoreCase)));
    }

    /// <summary>Answers requests that fulfil a condition.</summary>
    /// <param name="condition">Whether a request is meant.</param>
    /// <param name="description">The condition in words, for messages.</param>
    public StubRule When(Func<StubRequest, bool> condition, [CallerArgumentExpression(nameof(condition))] string description = "")
    {
        ArgumentNullException.ThrowIfNull(condition);
        return Add(new(description, condition));
    }

    /// <summary>Answers the next request, whatever it is, once: several of these make a sequence.</summary>
    public StubRule Next() => Add(new("the next request", _ => true)).Once();

    /// <summary>Answers what no rule before it answers.</summary>
    public StubRule Otherwise() => Add(new("any request", _ => true, isNeeded: false));

    /// <inheritdoc/>
    public async Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        return await AnswerAsync(new(messages, options, isStreaming: false), cancellationToken).ToChatResponseAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        return AnswerAsync(new(messages, options, isStreaming: true), cancellationToken);
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null : serviceType == typeof(ChatClientMetadata) ? _metadata : serviceType.IsInstanceOfType(this) ? this : null;
    }

    /// <summary>Fails unless it got so many requests.</summary>
    /// <exception cref="StubAssertionException">It got more or fewer; the message lists them.</exception>
    public void AssertReceived(int count)
    {
        if (Requests.Count != count)
            throw Expected($"{count} requests");
    }

    /// <summary>Fails unless a request's last message of the user contained a text, whatever its case.</summary>
    /// <exception cref="StubAssertionException">None did; the message lists them.</exception>
    public void AssertReceived(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        AssertReceived(request => request.UserText.Contains(text, StringComparison.OrdinalIgnoreCase), $"\"{text}\"");
    }

    /// <summary>Fails unless a request fulfilled a condition.</summary>
    /// <exception cref="StubAssertionException">None did; the message lists them.</exception>
    public void AssertReceived(Func<StubRequest, bool> condition, [CallerArgumentExpression(nameof(condition))] string description = "")
    {
        ArgumentNullException.ThrowIfNull(condition);
        if (!Requests.Any(condition))
            throw Expected($"a request with {description}");
    }

    /// <summary>Fails unless every answer of every rule was given, but those of <see cref="Otherwise"/>.</summary>
    /// <exception cref="StubAssertionException">Some were not; the message lists them.</exception>
    public void AssertAllAnswersGiven()
    {
        lock (_gate)
        {
            var unused = _rules.Where(rule => rule.IsNeeded && rule.Unused > 0).Select(rule => $"{rule.Unused} of {rule}").ToList();
            if (unused.Count > 0)
                throw Expected($"requests for all answers; not given: {string.Join("; ", unused)}");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private StubRule Add(StubRule rule)
    {
        lock (_gate)
            _rules.Add(rule);
        return rule;
    }

    private StubReply Find(StubRequest request)
    {
        lock (_gate)
        {
            _requests.Add(request);
            foreach (var rule in _rules)
            {
                if (rule.Take(request) is { } reply)
                    return reply;
            }

            throw new StubAssertionException(
                $"No rule answers the request {request}. Rules: {(_rules.Count == 0 ? "none" : string.Join("; ", _rules.Select(rule => $"{rule} (used {rule.Uses} times)")))}.");
        }
    }

    private async IAsyncEnumerable<ChatResponseUpdate> AnswerAsync(StubRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var reply = Find(request);
        var id = $"stub_{Guid.NewGuid():N}";
        ChatResponseUpdate Update(params AIContent[] contents) => new(ChatRole.Assistant, contents)
        {
            ResponseId = id,
            MessageId = id,
            ModelId = request.Options?.ModelId ?? _metadata.DefaultModelId,
            CreatedAt = _time.GetUtcNow(),
        };

        await WaitAsync(reply.Before, cancellationToken).ConfigureAwait(false);
        var (words, calls, isFirst) = (0, false, true);
        foreach (var make in reply.Contents)
        {
            foreach (var content in Pieces(make(request), reply))
            {
                if (!isFirst)
                    await WaitAsync(reply.BetweenChunks, cancellationToken).ConfigureAwait(false);
                isFirst = false;
                cancellationToken.ThrowIfCancellationRequested();
                words++;
                calls |= content is FunctionCallContent;
                yield return Update(content);
            }
        }

        if (reply.Failure is { } failure)
            throw failure;
        var last = Update(new UsageContent(reply.Usage ?? CountWords(request, words)));
        last.FinishReason = reply.FinishReason ?? (calls ? ChatFinishReason.ToolCalls : ChatFinishReason.Stop);
        yield return last;
    }

    private static IEnumerable<AIContent> Pieces(AIContent content, StubReply reply) => content switch
    {
        TextReasoningContent reasoning => reply.Cut(reasoning.Text).Select(piece => new TextReasoningContent(piece)),
        TextContent text => reply.Cut(text.Text).Select(piece => new TextContent(piece)),
        _ => [content],
    };

    private static UsageDetails CountWords(StubRequest request, int output)
    {
        var input = request.Messages.Sum(message => StubReply.Words(message.Text).Count());
        return new() { InputTokenCount = input, OutputTokenCount = output, TotalTokenCount = input + output };
    }

    private Task WaitAsync(TimeSpan delay, CancellationToken cancellationToken) =>
        delay > TimeSpan.Zero ? Task.Delay(delay, _time, cancellationToken) : Task.CompletedTask;

    private StubAssertionException Expected(string what)
    {
        var requests = Requests;
        return new($"Expected {what}; received {requests.Count}{(requests.Count == 0 ? "" : ":")}{string.Concat(requests.Select(request => $"{Environment.NewLine}  {request}"))}");
    }
}
