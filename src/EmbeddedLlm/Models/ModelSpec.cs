using System.Collections.Immutable;
using System.Globalization;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models;

/// <summary>
/// What a model is: its dimensions, and the few choices that its tensors cannot show. Biases, head norms, gates, experts and a tied output are
/// not here, since a tensor is there or not.
/// </summary>
public sealed record ModelSpec
{
    /// <summary>GGUF's name of the family, such as <c>qwen3</c>.</summary>
    public required string Family { get; init; }

    /// <summary>The name that the file gives the model, if any.</summary>
    public string? Name { get; init; }

    /// <summary>Positions that the model was trained for.</summary>
    public required int ContextLength { get; init; }

    /// <summary>Numbers in a hidden row.</summary>
    public required int Width { get; init; }

    /// <summary>Blocks of attention and feed-forward.</summary>
    public required int Layers { get; init; }

    /// <summary>Query heads.</summary>
    public required int Heads { get; init; }

    /// <summary>Key and value heads, the most of any layer; they divide <see cref="Heads"/>.</summary>
    public required int KvHeads { get; init; }

    /// <summary>Numbers in a query or key head; layers with a window may have others.</summary>
    public required int HeadWidth { get; init; }

    /// <summary>Numbers in a value head; layers with a window may have others.</summary>
    public required int ValueWidth { get; init; }

    /// <summary>The positions that a table of the file has, beyond which the model cannot go; null where positions have no table.</summary>
    public int? PositionLimit { get; init; }

    /// <summary>Rows of the token table, and so of the logits.</summary>
    public int VocabularySize { get; init; }

    /// <summary>Numbers in all tensors of the file.</summary>
    public long ParameterCount { get; init; }

    /// <summary>The sampling that the makers of the model recommend, as far as the file says.</summary>
    public RecommendedSampling Sampling { get; init; } = new();

    /// <summary>How the file says that rows become an embedding; null where it says nothing, as for models that write text.</summary>
    public Pooling? Pooling { get; init; }

    /// <summary>Whether a row sees only what is before it. Models of which this is false are encoders: they have no logits.</summary>
    public bool IsCausal { get; init; } = true;

    /// <summary>Key and value heads of each layer; empty where all have <see cref="KvHeads"/>.</summary>
    internal ImmutableArray<int> LayerKvHeads { get; init; } = [];

    internal NormKind Norm { get; init; } = NormKind.Rms;

    internal float NormEpsilon { get; init; }

    internal Activation Activation { get; init; } = Activation.Silu;

    internal RopePairing RopePairing { get; init; } = RopePairing.Adjacent;

    /// <summary>Numbers of a head that are turned; 0 for none.</summary>
    internal int RopeWidth { get; init; }

    internal double RopeBase { get; init; }

    internal RopeScaling RopeScaling { get; init; } = new();

    /// <summary>Pairs of a head that turn by time, height, width and a fourth place, in turns of the first three; empty where all turn by one position.</summary>
    internal ImmutableArray<int> RopeSections { get; init; } = [];

    /// <summary>Layers n, 2n, … (the first layer is 1) have no rope; 0: all have.</summary>
    internal int NoRopeInterval { get; init; }

    /// <summary>The base of layers with a window, where it is another one (and then not scaled); 0 where it is the same.</summary>
    internal double WindowRopeBase { get; init; }

    /// <summary>The head widths of layers with a window, where they are others; null where they are the same.</summary>
    internal WindowHeads? WindowHeads { get; init; }

    /// <summary>Whether a layer has a window; empty where an interval says so.</summary>
    internal ImmutableArray<bool> WindowPattern { get; init; } = [];

    /// <summary>The last layers, so many, attend over the keys and values of the last one before them that sees as far.</summary>
    internal int SharedKvLayers { get; init; }

    /// <summary>Whether value heads are normed, without a gain.</summary>
    internal bool HasValueNorm { get; init; }

    /// <summary>Numbers of a token's own vector for each layer; 0 for none.</summary>
    internal int LayerInputWidth { get; init; }

    /// <summary>Positions that a row sees in layers with a window; 0: no layer has one.</summary>
    internal int Window { get; init; }

    /// <summary>Layers n, 2n, … (the first layer is 1) see all positions although others have a window; 0: none does.</summary>
    internal int FullAttentionInterval { get; init; }

    /// <summary>Whether those layers are 1, n + 1, 2n + 1, … instead.</summary>
    internal bool IsFirstAttentionFull { get; init; }

    /// <summary>Whether attention and feed-forward read the same input and are added together; otherwise feed-forward reads what attention has added to.</summary>
    internal bool IsParallel { get; init; }

    /// <summary>Whether attention and feed-forward norm what they read; some families norm only what they add.</summary>
    internal bool HasInputNorms { get; init; } = true;

    /// <summary>GGUF's name of the norm on what feed-forward reads; some families keep it under a name that others have for a norm behind attention.</summary>
    internal string FeedForwardNorm { get; init; } = "ffn_norm";

    /// <summary>Whether norms multiply by a gain; where they do not, files have no tensor for them.</summary>
    internal bool HasNormGains { get; init; } = true;

    /// <summary>Whether queries and keys are normed behind rope; otherwise before it.</summary>
    internal bool HeadNormsFollowRope { get; init; }

    /// <summary>Whether rows are normed behind the last layer.</summary>
    internal bool HasOutputNorm { get; init; } = true;

    /// <summary>The tensor that norms rows behind the last layer.</summary>
    internal string OutputNorm { get; init; } = "output_norm";

    /// <summary>Whether layers have a feed-forward step; in some families the recurrent step is all.</summary>
    internal bool HasFeedForward { get; init; } = true;

    /// <summary>Heads and widths of layers with a recurrent step in place of attention; null where no layer has one, or it has no heads.</summary>
    internal RecurrenceSpec? Recurrence { get; init; }

    /// <summary>See <see cref="AttentionSpec.SoftCap"/>.</summary>
    internal float AttentionSoftCap { get; init; }

    /// <summary>See <see cref="AttentionSpec.AlibiBias"/>.</summary>
    internal float AlibiBias { get; init; }

    /// <summary>Queries, keys and values are cut off at ± this; 0 for none.</summary>
    internal float QkvLimit { get; init; }

    /// <summary>Logits are bent to stay within ± this; 0 for none.</summary>
    internal float LogitSoftCap { get; init; }

    internal float AttentionScale { get; init; }

    /// <summary>See <see cref="AttentionSpec.TemperatureScale"/>.</summary>
    internal float TemperatureScale { get; init; }

    internal int TemperatureLength { get; init; }

    internal float EmbeddingScale { get; init; } = 1;

    /// <summary>Multiplies what attention and feed-forward add to a row.</summary>
    internal float ResidualScale { get; init; } = 1;

    internal float LogitScale { get; init; } = 1;

    /// <summary>Experts that a row goes through; 0 in models without.</summary>
    internal int ExpertsUsed { get; init; }

    internal bool NormalizeExpertWeights { get; init; } = true;

    internal float ExpertWeightScale { get; init; } = 1;

    internal ExpertScoring ExpertScoring { get; init; }

    /// <summary>See <see cref="ExpertsSpec.Groups"/>.</summary>
    internal int ExpertGroups { get; init; } = 1;

    /// <summary>See <see cref="ExpertsSpec.GroupsUsed"/>.</summary>
    internal int ExpertGroupsUsed { get; init; } = 1;

    /// <summary>See <see cref="ExpertsSpec.GroupScores"/>.</summary>
    internal int ExpertGroupScores { get; init; } = 1;

    /// <summary>See <see cref="ExpertsSpec.Limit"/>.</summary>
    internal float ExpertLimit { get; init; }

    /// <summary>See <see cref="ExpertsSpec.UpOffset"/>.</summary>
    internal float ExpertUpOffset { get; init; }

    /// <summary>Of latent attention, whose cache has this and not keys and values of every head: its dimensions; null in other models.</summary>
    internal LatentWidths? Latent { get; init; }

    internal int HeadWidthOf(int layer) => WindowHeads is { } heads && WindowOf(layer) > 0 ? heads.HeadWidth : HeadWidth;

    internal int ValueWidthOf(int layer) => WindowHeads is { } heads && WindowOf(layer) > 0 ? heads.ValueWidth : ValueWidth;

    internal int KvHeadsOf(int layer) => LayerKvHeads.IsEmpty ? KvHeads : LayerKvHeads[layer];

    internal int WindowOf(int layer) => !WindowPattern.IsEmpty ? (WindowPattern[layer] ? Window : 0) : FullAttentionInterval > 0 && (layer + (IsFirstAttentionFull ? 0 : 1)) % FullAttentionInterval == 0 ? 0 : Window;

    /// <summary>Whether a text's positions turn this pair: they are time, height and width alike, but the fourth place of a text is always 0.</summary>
    internal bool TurnsWithText(int pair) => RopeSections.IsEmpty || pair < 3 * RopeSections[pair % 3];

    internal bool HasRope(int layer) => RopeWidth > 0 && (NoRopeInterval == 0 || (layer + 1) % NoRopeInterval != 0);

    /// <summary>The model in a line.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Name ?? Family}: {Family}, {ParameterCount:N0} parameters, {Layers} layers of {Width}, {(Heads == 0 ? "no" : $"{Heads}")} heads over {KvHeads}, vocabulary {VocabularySize}, context {ContextLength}");
}
