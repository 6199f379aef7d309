using System.Diagnostics;
using EmbeddedLlm.Engine.Drafts;
using EmbeddedLlm.KvCache;
using EmbeddedLlm.Sampling;

namespace EmbeddedLlm.Engine;

/// <summary>A request on its way through the engine: its tokens, how many of them are computed, and all that its sampler remembers.</summary>
internal sealed class Sequence(GenerationRequest request, long seed, int maxTokens, TokenStream stream)
{
    private int[] _tokens = request.Prompt.ToArray();                       // then the draft
    private int _drafted;

    public TokenStream Stream { get; } = stream;

    public Sampler Sampler { get; } = new(request.Sampling, seed);

    /// <summary>Keeps the answer within its constraint; null where it may be anything.</summary>
    public Guide? Guide { get; } = request.Constraint is { } constraint ? new(constraint, request.Prompt.Span[^request.PrefillTokens..]) : null;

    /// <summary>How many alternatives each token's score has; null for no scores.</summary>
    public int? TopLogprobs { get; } = request.TopLogprobs;

    public IReadOnlySet<int> StopTokens { get; } = request.StopTokens;

    public long PrefixKey { get; } = request.PrefixKey;

    public bool SharesPrefix { get; } = request.SharesPrefix;

    /// <summary>Tokens so far, prompt and answer.</summary>
    public int Count { get; private set; } = request.Prompt.Length;

    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, Count);

    /// <summary>Tokens guessed to come after <see cref="Tokens"/>, for the next step to try.</summary>
    public ReadOnlySpan<int> Draft => _tokens.AsSpan(Count, _drafted);

    /// <summary>The tokens, then the draft.</summary>
    public ReadOnlySpan<int> TokensAndDraft => _tokens.AsSpan(0, Count + _drafted);

    /// <summary>Tokens that the draft may still take; never more than are left to generate.</summary>
    public int DraftRoom { get; set; }

    /// <summary>How long its drafts may be.</summary>
    public DraftAllowance Allowance { get; } = new();

    /// <summary>Tokens whose keys and values are in the KV memory. The last one never is: it gives the next token's logits.</summary>
    public int Computed { get; set; }

    /// <summary>Tokens to run before the next one can be sampled: 1 while decoding.</summary>
    public int Remaining => Count - Computed;

    /// <summary>The most tokens, prompt and answer.</summary>
    public int MaxTokens { get; } = maxTokens;

    /// <summary>Whether the answer is as long as it may be.</summary>
    public bool IsComplete => Count >= MaxTokens;

    /// <summary>Its KV blocks while it runs.</summary>
    public BlockTable? Table { get; set; }

    /// <summary>No draft runs in a way that may have to be taken back.</summary>
    public const int NoDraft = -1;

    /// <summary>Where a recurrent model keeps the state behind <see cref="Computed"/> while the sequence runs.</summary>
    public int State { get; set; }

    /// <summary>Where it leaves the state behind a draft; −1 where there are no drafts.</summary>
    public int SpareState { get; set; }

    /// <summary>Positions that had been computed before the draft that runs in a recurrent model; <see cref="NoDraft"/> for none.</summary>
    public int DraftedAt { get; set; } = NoDraft;

    /// <summary>Positions, whole blocks, that were known when it was admitted: another may part from it there. Of recurrent models, as the next two.</summary>
    public int Branch { get; set; }

    /// <summary>Positions of the whole blocks before the last token that it was admitted with.</summary>
    public int LastBlockEnd { get; set; }

    /// <summary>The block of its answer whose state is kept; −1 for none.</summary>
    public int SnapshotBlock { get; set; } = -1;

    /// <summary>Whether it has run before, so that what it finds cached now it may have computed itself.</summary>
    public bool WasPreempted { get; set; }

    /// <summary>When it came, in ticks of the engine's <see cref="TimeProvider"/>.</summary>
    public long Arrival { get; init; }

    public Activity? Activity { get; init; }

    public CancellationTokenRegistration Cancellation { get; set; }

    /// <summary>Appends a token. Returns whether the draft began with it; the draft then goes on behind it, else it is dropped.</summary>
    public bool Append(int token)
    {
        var isDrafted = _drafted > 0 && _tokens[Count] == token;
        _drafted = isDrafted ? _drafted - 1 : 0;
        Reserve(Count + 1);
        _tokens[Count++] = token;
        return isDrafted;
    }

    /// <summary>Appends a token to the draft.</summary>
    public void AppendDraft(int token)
    {
        Reserve(Count + _drafted + 1);
        _tokens[Count + _drafted++] = token;
        DraftRoom--;
    }

    /// <summary>Shortens the draft.</summary>
    public void CutDraft(int length) => _drafted = Math.Min(_drafted, length);

    private void Reserve(int count)
    {
        if (count > _tokens.Length)
            Array.Resize(ref _tokens, (int)Math.Min(2L * count, Math.Max(MaxTokens, count)));
    }
}
