using System.Diagnostics;
using EmbeddedLlm.KvCache;
using EmbeddedLlm.Sampling;

namespace EmbeddedLlm.Engine;

/// <summary>A request on its way through the engine: its tokens, how many of them are computed, and all that its sampler remembers.</summary>
internal sealed class Sequence(GenerationRequest request, long seed, int maxTokens, TokenStream stream)
{
    private int[] _tokens = request.Prompt.ToArray();

    public TokenStream Stream { get; } = stream;

    public Sampler Sampler { get; } = new(request.Sampling, seed);

    public IReadOnlySet<int> StopTokens { get; } = request.StopTokens;

    public long PrefixKey { get; } = request.PrefixKey;

    /// <summary>Tokens so far, prompt and answer.</summary>
    public int Count { get; private set; } = request.Prompt.Length;

    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, Count);

    /// <summary>Tokens whose keys and values are in the KV memory. The last one never is: it gives the next token's logits.</summary>
    public int Computed { get; set; }

    /// <summary>Tokens to run before the next one can be sampled: 1 while decoding.</summary>
    public int Remaining => Count - Computed;

    /// <summary>Whether the answer is as long as it may be.</summary>
    public bool IsComplete => Count >= maxTokens;

    /// <summary>Its KV blocks while it runs.</summary>
    public BlockTable? Table { get; set; }

    /// <summary>Whether it has run before, so that what it finds cached now it may have computed itself.</summary>
    public bool WasPreempted { get; set; }

    /// <summary>When it came, in ticks of the engine's <see cref="TimeProvider"/>.</summary>
    public long Arrival { get; init; }

    public Activity? Activity { get; init; }

    public CancellationTokenRegistration Cancellation { get; set; }

    public void Append(int token)
    {
        if (Count == _tokens.Length)
            Array.Resize(ref _tokens, (int)Math.Min(2L * Count, Math.Max(maxTokens, Count + 1)));
        _tokens[Count++] = token;
    }
}
