using System.Collections.Immutable;
using EmbeddedLlm.Grammar;
using EmbeddedLlm.Sampling;

namespace EmbeddedLlm.Engine;

/// <summary>What to generate.</summary>
internal sealed record GenerationRequest
{
    /// <summary>The tokens to go on from; at least one.</summary>
    public required ReadOnlyMemory<int> Prompt { get; init; }

    /// <summary>How tokens are chosen.</summary>
    public SamplingOptions Sampling { get; init; } = SamplingOptions.Default;

    /// <summary>Start of the random numbers: the same seed and request give the same tokens, whatever runs beside it. Null for a random one.</summary>
    public long? Seed { get; init; }

    /// <summary>The most tokens to generate; the context may end the generation earlier.</summary>
    public int MaxTokens { get; init; } = int.MaxValue;

    /// <summary>Tokens that end the generation; they are not part of the result.</summary>
    public IReadOnlySet<int> StopTokens { get; init; } = ImmutableHashSet<int>.Empty;

    /// <summary>What the answer may be; null for anything.</summary>
    public Constraint? Constraint { get; init; }

    /// <summary>How many of the prompt's last tokens the answer has begun with: the constraint is behind them.</summary>
    public int PrefillTokens { get; init; }

    /// <summary>How many of the most probable tokens to name in the place of each; 0 scores the tokens of the answer alone, null none.</summary>
    public int? TopLogprobs { get; init; }

    /// <summary>Prefixes are shared only between requests of the same key, such as the adapters that shape their keys and values.</summary>
    public long PrefixKey { get; init; }

    /// <summary>Whether what others computed is used, and what is computed here is kept for others.</summary>
    public bool SharesPrefix { get; init; } = true;
}
