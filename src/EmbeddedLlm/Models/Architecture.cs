using System.Collections.Immutable;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models;

/// <summary>A model family: the names GGUF has for it, and what its metadata means.</summary>
internal abstract class Architecture
{
    // Far above every known model, and low enough that products of two stay within 64 bits and those that matter are caught by tensor shapes.
    protected const int MaxLayers = 1024;
    protected const int MaxHeads = 4096;
    protected const int MaxHeadWidth = 8192;
    protected const int MaxWidth = 1 << 20;
    private const int MaxContext = 1 << 30;

    /// <summary>Values of <c>general.architecture</c>.</summary>
    public abstract ImmutableArray<string> Names { get; }

    public abstract ModelSpec Describe(Hyperparameters keys);

    /// <summary>A factor that metadata may give; 1 where it does not, or gives 0.</summary>
    protected static float Factor(Hyperparameters keys, string key) => keys.Number(key, 0, 1e6f, fallback: 0) is var factor && factor == 0 ? 1 : factor;

    /// <summary>Positions that a row sees in layers with a window; 0 for all.</summary>
    protected static int Window(Hyperparameters keys) => keys.Count("attention.sliding_window", 0, MaxContext, fallback: 0);

    /// <summary>The recurrent steps that stand in place of attention, in all layers or in some.</summary>
    protected static RecurrenceSpec Recurrence(Hyperparameters keys)
    {
        var width = keys.Count("ssm.inner_size", 1, MaxWidth);
        var heads = keys.Count("ssm.time_step_rank", 1, MaxHeads);
        var groups = keys.Count("ssm.group_count", 1, MaxHeads);
        if (width % heads != 0)
            keys.Throw("ssm.time_step_rank", $"a divisor of the width {width}", $"{heads}");
        if (heads % groups != 0)
            keys.Throw("ssm.group_count", $"a divisor of the {heads} heads", $"{groups}");
        return new RecurrenceSpec(heads, width / heads, groups, keys.Count("ssm.state_size", 1, MaxHeadWidth));
    }

    /// <summary>What GGUF's common keys say; a family changes what it does differently.</summary>
    protected static ModelSpec Standard(Hyperparameters keys, NormKind norm = NormKind.Rms)
    {
        var width = keys.Count("embedding_length", 1, MaxWidth);
        var heads = keys.Count("attention.head_count", 1, MaxHeads);
        var spec = WithoutAttention(keys, norm);
        var kvHeads = keys.CountsOfLayers("attention.head_count_kv", spec.Layers, MaxHeads, fallback: heads);
        if (kvHeads.FirstOrDefault(count => count > 0 && heads % count != 0) is var wrong && wrong != 0)
            keys.Throw("attention.head_count_kv", $"a divisor of the {heads} heads", $"{wrong}");
        if (!keys.Contains("attention.key_length") && width % heads != 0)
            keys.Throw("attention.head_count", $"a divisor of the width {width}", $"{heads}");

        var headWidth = keys.Count("attention.key_length", 1, MaxHeadWidth, fallback: width / heads);
        var ropeWidth = keys.Count("rope.dimension_count", 2, MaxHeadWidth, fallback: headWidth);
        if (ropeWidth > headWidth || ropeWidth % 2 != 0)
            keys.Throw("rope.dimension_count", $"an even number up to the head width {headWidth}", $"{ropeWidth}");

        var attentionScale = keys.Number("attention.scale", 0, 1e6f, fallback: 0);
        return spec with
        {
            Heads = heads,
            KvHeads = kvHeads.Max(),
            LayerKvHeads = kvHeads,
            HeadWidth = headWidth,
            ValueWidth = keys.Count("attention.value_length", 1, MaxHeadWidth, fallback: headWidth),
            IsCausal = keys.Flag("attention.causal", true),
            RopeWidth = ropeWidth,
            RopeBase = keys.Number("rope.freq_base", 1.001f, 1e30f, fallback: 10000),
            RopeScaling = RopeScaling.Read(keys, spec.ContextLength),
            AttentionScale = attentionScale == 0 ? (float)(1 / Math.Sqrt(headWidth)) : attentionScale,
        };
    }

    /// <summary>How experts are scored, by what the file says: GGUF's numbers 1 (softmax, the default) and 2 (sigmoid).</summary>
    protected static ExpertScoring Scoring(Hyperparameters keys) =>
        keys.Count("expert_gating_func", 0, 2, fallback: 0) == 2 ? ExpertScoring.Sigmoid : ExpertScoring.Softmax;

    /// <summary>The same for a model in which no layer has attention.</summary>
    protected static ModelSpec WithoutAttention(Hyperparameters keys, NormKind norm = NormKind.Rms) =>
        new()
        {
            Family = keys.Prefix,
            Name = keys.File.Metadata.GetString("general.name", null),
            ContextLength = keys.Count("context_length", 1, MaxContext),
            Width = keys.Count("embedding_length", 1, MaxWidth),
            Layers = keys.Count("block_count", 1, MaxLayers),
            Heads = 0,
            KvHeads = 0,
            HeadWidth = 0,
            ValueWidth = 0,
            Pooling = Pools(keys),
            Norm = norm,
            NormEpsilon = keys.Number(norm == NormKind.Rms ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon", 0, 1),
            ExpertsUsed = keys.Count("expert_used_count", 0, MaxHeads, fallback: 0),
            ExpertWeightScale = keys.Number("expert_weights_scale", 0, 1e6f, fallback: 0) is var scale && scale == 0 ? 1 : scale,
            Sampling = RecommendedSampling.Read(keys.File),
        };

    // GGUF's numbers.
    private static Pooling? Pools(Hyperparameters keys)
    {
        const string Key = "pooling_type";
        return !keys.Contains(Key) ? null : keys.Count(Key, 0, 4) switch
        {
            0 => Pooling.None,
            1 => Pooling.Mean,
            2 => Pooling.First,
            3 => Pooling.Last,
            _ => Pooling.Rank,
        };
    }
}
