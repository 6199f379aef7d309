using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Testing;

/// <summary>
/// What a <see cref="StubChatClient"/> answers to some requests. Calls add to one answer, in order: <c>.Reason("…").Reply("…").Call("tool")</c> is one
/// message with three contents. <see cref="Then"/> begins the next answer; the last one repeats.
/// </summary>
public sealed class StubRule
{
    private readonly Func<StubRequest, bool> _matches;
    private readonly string _description;
    private readonly List<StubReply> _replies = [new()];
    private int _uses;
    private bool _isOnce;

    internal StubRule(string description, Func<StubRequest, bool> matches, bool isNeeded = true) => (_description, _matches, IsNeeded) = (description, matches, isNeeded);

    /// <summary>Requests that it answered.</summary>
    public int Uses => Volatile.Read(ref _uses);

    private StubReply Last => _replies[^1];

    /// <summary>Answers with a text.</summary>
    public StubRule Reply(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Add(_ => new TextContent(text));
    }

    /// <summary>Answers with a text that is made of the request.</summary>
    public StubRule Reply(Func<StubRequest, string> text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Add(request => new TextContent(text(request)));
    }

    /// <summary>Answers with any content.</summary>
    public StubRule Reply(AIContent content)
    {
        ArgumentNullException.ThrowIfNull(content);
        return Add(_ => content);
    }

    /// <summary>Answers with JSON that is valid by the schema of the request's <see cref="ChatOptions.ResponseFormat"/>: the smallest values that it allows.</summary>
    /// <remarks>A request without a schema gets <c>{}</c>. A schema that asks for a pattern, or for nothing that exists, fails the request with <see cref="StubAssertionException"/>.</remarks>
    public StubRule ReplyJson() => Add(request => new TextContent(
        request.Options?.ResponseFormat is ChatResponseFormatJson { Schema: { } schema } ? SchemaSample.Of(schema) : "{}"));

    /// <summary>Thinks before it answers: <see cref="TextReasoningContent"/>.</summary>
    public StubRule Reason(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Add(_ => new TextReasoningContent(text));
    }

    /// <summary>Calls a tool; the call gets an id of its own each time.</summary>
    /// <param name="name">The tool.</param>
    /// <param name="arguments">Names and values.</param>
    public StubRule Call(string name, params (string Name, object? Value)[] arguments)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(arguments);
        return Add(_ => new FunctionCallContent($"call_{Guid.NewGuid():N}", name, arguments.ToDictionary(argument => argument.Name, argument => argument.Value)));
    }

    /// <summary>Fails, behind what the answer has so far: a stream breaks in the middle.</summary>
    public StubRule Throw(Exception failure)
    {
        ArgumentNullException.ThrowIfNull(failure);
        Last.Failure = failure;
        return this;
    }

    /// <summary>Streams texts in pieces of so many characters, in place of words.</summary>
    public StubRule InChunksOf(int characters)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(characters, 1);
        Last.Cut = text => text.Chunk(characters).Select(chunk => new string(chunk));
        return this;
    }

    /// <summary>Waits before it answers, by the client's clock.</summary>
    public StubRule After(TimeSpan delay)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(delay, TimeSpan.Zero);
        Last.Before = delay;
        return this;
    }

    /// <summary>Waits between the pieces of a stream, by the client's clock.</summary>
    public StubRule WithPauses(TimeSpan delay)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(delay, TimeSpan.Zero);
        Last.BetweenChunks = delay;
        return this;
    }

    /// <summary>Reports this usage. Without it, words are counted.</summary>
    public StubRule WithUsage(int inputTokens, int outputTokens)
    {
        Last.Usage = new() { InputTokenCount = inputTokens, OutputTokenCount = outputTokens, TotalTokenCount = inputTokens + outputTokens };
        return this;
    }

    /// <summary>Ends for this reason. Without it, <see cref="ChatFinishReason.ToolCalls"/> behind a call and <see cref="ChatFinishReason.Stop"/> else.</summary>
    public StubRule Finish(ChatFinishReason reason)
    {
        Last.FinishReason = reason;
        return this;
    }

    /// <summary>Ends this answer; what follows describes the answer to the next request.</summary>
    public StubRule Then()
    {
        if (Last.IsEmpty)
            throw new InvalidOperationException($"{this}: this answer is still empty.");
        _replies.Add(new());
        return this;
    }

    /// <summary>Answers each of its answers once; further requests go to the rules behind it.</summary>
    public StubRule Once()
    {
        _isOnce = true;
        return this;
    }

    /// <summary>What it answers to.</summary>
    public override string ToString() => _description;

    /// <summary>The answer to a request; null if it is none of this rule's. Callers take turns.</summary>
    internal StubReply? Take(StubRequest request)
    {
        if (_isOnce && _uses >= _replies.Count || !_matches(request))
            return null;
        var reply = _replies[Math.Min(_uses, _replies.Count - 1)];
        if (reply.IsEmpty)
            throw new StubAssertionException($"The rule for {this} has no answer: call Reply, Call or Throw on it.");
        _uses++;
        return reply;
    }

    /// <summary>Whether a test may expect that all its answers are given.</summary>
    internal bool IsNeeded { get; }

    /// <summary>How many of its answers nobody asked for.</summary>
    internal int Unused => Math.Max(0, _replies.Count - _uses);

    private StubRule Add(Func<StubRequest, AIContent> content)
    {
        Last.Contents.Add(content);
        return this;
    }
}
