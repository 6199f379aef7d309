using System.Runtime.CompilerServices;
using EmbeddedLlm.Engine;
using EmbeddedLlm.Tokenization;
using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Chat;

/// <summary>The answer of one request: its tokens become text, up to a stop string. Read once; the counts are final after that.</summary>
internal sealed class ResponseReader(TokenStream tokens, Detokenizer detokenizer, IReadOnlyList<string> stopSequences, LogprobReader? logprobs = null)
{
    private readonly StopStrings _stops = new(stopSequences);

    private readonly List<int> _read = [];

    /// <summary>The tokens that were read so far.</summary>
    public IReadOnlyList<int> Tokens => _read;

    /// <summary>How many tokens were read so far.</summary>
    public int OutputTokens => _read.Count;

    /// <summary>The log probabilities of the tokens that were read since the last call; empty where they were not asked for.</summary>
    public TokenLogprob[] TakeLogprobs() => logprobs?.Take() ?? [];

    /// <summary>Why the answer ended.</summary>
    public ChatFinishReason FinishReason => _stops.Found || tokens.Reason == StopReason.Stop ? ChatFinishReason.Stop : ChatFinishReason.Length;

    /// <summary>
    /// Tokens of prompt and answer. Counted are the tokens that were read here: what the engine made beyond a stop string is not the caller's.
    /// </summary>
    public UsageDetails Usage => new()
    {
        InputTokenCount = tokens.PromptTokens,
        CachedInputTokenCount = tokens.CachedTokens,
        OutputTokenCount = OutputTokens,
        TotalTokenCount = tokens.PromptTokens + OutputTokens,
        AdditionalCounts = tokens.DraftedTokens > 0 ? new() { ["drafted_tokens"] = tokens.DraftedTokens, ["accepted_tokens"] = tokens.AcceptedTokens } : null,
    };

    /// <summary>The text, as soon as it is certain. Leaving the enumeration early ends the request.</summary>
    public async IAsyncEnumerable<string> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var token in tokens.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            _read.Add(token);
            logprobs?.Read();
            if (_stops.Append(detokenizer.Append(token)) is { Length: > 0 } text)
                yield return text;
            if (_stops.Found)
                yield break;
        }

        if (_stops.Append(detokenizer.Flush()) + _stops.Flush() is { Length: > 0 } rest)
            yield return rest;
    }
}
