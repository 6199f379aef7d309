using System.Collections.Concurrent;
using System.Threading.Channels;
using EmbeddedLlm.Sampling;

namespace EmbeddedLlm.Engine;

/// <summary>
/// The tokens of one request as they come: the only hand-over between the engine's thread and the consumer, who may be as slow as it likes.
/// Enumerate once; leaving the enumeration early, or cancelling it, ends the request. Its failure surfaces from the enumeration:
/// <see cref="OperationCanceledException"/>, <see cref="ObjectDisposedException"/> or an <see cref="LlmException"/>.
/// </summary>
/// <param name="promptTokens">Tokens of the prompt.</param>
/// <param name="hasScores">Whether each token comes with a score.</param>
internal sealed class TokenStream(int promptTokens, bool hasScores = false) : IAsyncEnumerable<int>
{
    // Holds at most the request's MaxTokens. Consumers never run on the engine's thread.
    private readonly Channel<int> _tokens = Channel.CreateUnbounded<int>(new() { SingleReader = true, AllowSynchronousContinuations = false });
    private readonly ConcurrentQueue<TokenScore>? _scores = hasScores ? new() : null;  // one for each token, there before it
    private volatile bool _abandoned;
    private volatile int _cachedTokens, _generatedTokens, _draftedTokens, _acceptedTokens, _reason = -1;

    /// <summary>Tokens of the prompt.</summary>
    public int PromptTokens { get; } = promptTokens;

    /// <summary>Tokens of the prompt that were found computed; known when the first token comes.</summary>
    public int CachedTokens { get => _cachedTokens; internal set => _cachedTokens = value; }

    /// <summary>Tokens generated so far, the stop token not counted.</summary>
    public int GeneratedTokens => _generatedTokens;

    /// <summary>Draft tokens that were verified.</summary>
    public int DraftedTokens { get => _draftedTokens; internal set => _draftedTokens = value; }

    /// <summary>Draft tokens that were right, and so became tokens of the answer.</summary>
    public int AcceptedTokens { get => _acceptedTokens; internal set => _acceptedTokens = value; }

    /// <summary>Why the generation ended; set when the enumeration has ended without failure.</summary>
    public StopReason Reason => _reason >= 0 ? (StopReason)_reason : throw new InvalidOperationException("The generation has not ended.");

    /// <summary>Whether nobody wants more tokens: the enumeration was left or the request cancelled.</summary>
    internal bool IsAbandoned => _abandoned;

    /// <inheritdoc/>
    public async IAsyncEnumerator<int> GetAsyncEnumerator(CancellationToken cancellationToken = default)
    {
        try
        {
            await foreach (var token in _tokens.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
                yield return token;
        }
        finally
        {
            _abandoned = true;
        }
    }

    /// <summary>The score of the next token whose score was not taken, once the token was read; null where none was asked for.</summary>
    public TokenScore? TakeScore() => _scores is not null && _scores.TryDequeue(out var score) ? score : null;

    internal void Write(int token, TokenScore? score)
    {
        _generatedTokens++;
        if (score is not null)
            _scores!.Enqueue(score);
        _tokens.Writer.TryWrite(token);
    }

    internal void End(StopReason reason)
    {
        _reason = (int)reason;
        _tokens.Writer.TryComplete();
    }

    internal void Fail(Exception failure) => _tokens.Writer.TryComplete(failure);

    internal void Cancel(CancellationToken cancellation)
    {
        _abandoned = true;
        Fail(new OperationCanceledException(cancellation));
    }
}
