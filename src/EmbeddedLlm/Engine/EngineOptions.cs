using System.Diagnostics;
using EmbeddedLlm.Engine.Drafts;

namespace EmbeddedLlm.Engine;

/// <summary>The sizes of an engine; those of its runner must match.</summary>
internal sealed record EngineOptions
{
    /// <summary>
    /// Drafts fill a step up to this many rows. So many cost a CPU less than two alone, since the weights are read once for all of them;
    /// beyond, each row costs its multiplications (benchmarks/results/speculation.md).
    /// </summary>
    public const int MaxVerifiedRows = 8;

    /// <summary>The most tokens, prompt and answer together, of one request.</summary>
    public required int ContextLength { get; init; }

    /// <summary>Tokens of the model's vocabulary: the length of a row of logits.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>Positions in a KV block of the runner.</summary>
    public int KvBlockTokens { get; init; } = 32;

    /// <summary>The most rows (tokens) of one step; long prompts are cut to it. At most the runner's.</summary>
    public int MaxBatchRows { get; init; } = 512;

    /// <summary>The most requests that run at the same time; others wait. At most <see cref="MaxBatchRows"/> and the runner's output rows.</summary>
    public int MaxSequences { get; init; } = 32;

    /// <summary>The most open requests beyond <see cref="MaxSequences"/>; one more fails with <see cref="QueueFullException"/>. Unlimited unless set.</summary>
    public int MaxQueuedRequests { get; init; } = int.MaxValue;

    /// <summary>State slots of the runner, for a recurrent model: one for each request that runs, two with a <see cref="Drafter"/>; the others keep states to go on from. 0 for models without states.</summary>
    public int StateSlots { get; init; }

    /// <summary>Makes what guesses tokens for the model to verify; null for none.</summary>
    public Func<IDrafter>? Drafter { get; init; }

    /// <summary>The most rows of logits of one step, which the runner must be able to give.</summary>
    public int MaxOutputRows => Drafter is null ? MaxSequences : Math.Max(MaxSequences, MaxVerifiedRows);

    /// <summary>The model's name, which tags metrics and traces.</summary>
    public string Model { get; init; } = "";

    /// <summary>The tags of this engine's metrics and traces.</summary>
    public TagList Tags => new() { { "model", Model } };

    /// <summary>Throws <see cref="ArgumentOutOfRangeException"/> where a size makes no sense.</summary>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(ContextLength, 2);
        ArgumentOutOfRangeException.ThrowIfLessThan(VocabularySize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(KvBlockTokens, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxBatchRows, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxSequences, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxSequences, MaxBatchRows);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)MaxOutputRows * VocabularySize, Array.MaxLength, nameof(MaxSequences));
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxQueuedRequests, 0);
        if (StateSlots != 0)
            ArgumentOutOfRangeException.ThrowIfLessThan(StateSlots, (long)MaxSequences * (Drafter is null ? 1 : 2));
    }
}
