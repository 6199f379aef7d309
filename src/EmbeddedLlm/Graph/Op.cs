using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace EmbeddedLlm.Graph;

/// <summary>One step of a forward pass. A model is a list of these; each has its meaning in the reference backend.</summary>
[Experimental("ELLM001")]
public abstract record Op
{
    private Op()
    {
    }

    /// <summary>The values that the step reads.</summary>
    public abstract ImmutableArray<Value> Inputs { get; }

    /// <summary>The values that the step writes.</summary>
    public abstract ImmutableArray<Value> Outputs { get; }

    /// <summary>Rows of <paramref name="Table"/> picked by the tokens of the batch. [tokens × width].</summary>
    public sealed record Embed(Weight Table, Value Out) : Op
    {
        /// <inheritdoc/>
        public override ImmutableArray<Value> Inputs => [];

        /// <inheritdoc/>
        public override ImmutableArray<Value> Outputs => [Out];
    }

    /// <summary>The row of <paramref name="Table"/> at each token's position in its sequence. [tokens × width]. Positions beyond the table cannot be run.</summary>
    public sealed record EmbedPositions(Weight Table, Value Out) : Op
    {
        /// <inheritdoc/>
        public override ImmutableArray<Value> Inputs => [];

        /// <inheritdoc/>
        public override ImmutableArray<Value> Outputs => [Out];
    }

    /// <summary>Several products of one input: <c>Out = In · Weightᵀ + Bias</c> for each projection.</summary>
    public sealed record Linear(Value In, ImmutableArray<Projection> Projections) : Op
    {
        /// <inheritdoc/>
        public override ImmutableArray<Value> Inputs => [In];

        /// <inheritdoc/>
        public override ImmutableArray<Value> Outputs => [.. Projections.Select(projection => projection.Out)];
    }

    /// <summary>
    /// A product of its own for each head: the first numbers of head h of a row, as many as a row of the weight has, become <c>In · Weight[h]ᵀ</c>.
    /// What is behind them in the head stays behind the result.
    /// </summary>
    /// <param name="In">[tokens × heads · (columns + rest)].</param>
    /// <param name="Weight">[heads × rows × columns], stacked as experts are.</param>
    /// <param name="Out">[tokens × heads · (rows + rest)].</param>
    public sealed record HeadLinear(Value In, Weight Weight, Value Out) : Op
    {
        /// <inheritdoc/>
        public override ImmutableArray<Value> Inputs => [In];

        /// <inheritdoc/>
        public override ImmutableArray<Value> Outputs => [Out];
    }

    /// <summary>
    /// Normalises the first numbers of each run of <paramref name="RunWidth"/> within a row (the whole row, or each head of it), as many as
    /// <paramref name="Gain"/> has, and multiplies them by the gain, then adds the bias. What is behind them in the run stays. A gain of several rows has one for each run of a row.
    /// </summary>
    public sealed record Norm(Value In, NormKind Kind, Weight Gain, Weight? Bias, float Epsilon, int RunWidth, Value Out) : Op
    {
        /// <inheritdoc/>
        public override ImmutableArray<Value> Inputs => [In];

        /// <inheritdoc/>
        public override ImmutableArray<Value> Outputs => [Out];
    }

    /// <summary>Turns pairs of numbers in each head of <paramref name="HeadWidth"/>, from <paramref name="Start"/> on, by the angle position · frequency.</summary>
    public sealed record Rope(Value In, RopeSpec Spec, int HeadWidth, int Start, Value Out) : Op
    {
        /// <inheritdoc/>
        public override ImmutableArray<Value> Inputs => [In];

        /// <inheritdoc/>
        public override ImmutableArray<Value> Outputs => [Out];
    }

    /// <summary>
    /// Writes K and V of the batch, if there are any, to the cache of <paramref name="Layer"/>, then for each row and query head
    /// <c>softmax(scale · Q·Kᵀ) · V</c> over the positions of its own sequence that <see cref="AttentionSpec.View"/> gives it.
    /// </summary>
    /// <param name="Q">[tokens × heads · head width].</param>
    /// <param name="K">[tokens × KV heads · head width]; none where an earlier step has written the layer.</param>
    /// <param name="V">[tokens × KV heads · value width]; none without K, and where the layer has no values of its own, see <see cref="KvLayer"/>.</param>
    /// <param name="Spec">The shape, and what is done to scores.</param>
    /// <param name="Layer">Index into <see cref="ModelGraph.KvLayers"/>.</param>
    /// <param name="Out">The result.</param>
    /// <param name="Sinks">[1 × heads], or none: one more score for each head, whose weight goes to no value, so that the others add up to less than 1.</param>
    public sealed record Attention(Value Q, Value? K, Value? V, AttentionSpec Spec, int Layer, Value Out, Weight? Sinks = null) : Op
    {
        /// <inheritdoc/>
        public override ImmutableArray<Value> Inputs => [Q, .. K is { } k ? [k] : ReadOnlySpan<Value>.Empty, .. V is { } v ? [v] : ReadOnlySpan<Value>.Empty];

        /// <inheritdoc/>
        public override ImmutableArray<Value> Outputs => [Out];
    }

    /// <summary><c>Out = act(Gated) · Up</c>, number by number.</summary>
    public sealed record Gate(Value Gated, Value Up, Activation Kind, Value Out) : Op
    {
        /// <inheritdoc/>
        public override ImmutableArray<Value> Inputs => [Gated, Up];

        /// <inheritdoc/>
        public override ImmutableArray<Value> Outputs => [Out];
    }

    /// <summary><c>Out = act(Factor) · In</c>, with one factor for each row.</summary>
    public sealed record RowGate(Value Factor, Value In, Activation Kind, Value Out) : Op
    {
        /// <inheritdoc/>
        public override ImmutableArray<Value> Inputs => [Factor, In];

        /// <inheritdoc/>
        public override ImmutableArray<Value> Outputs => [Out];
    }

    /// <summary><c>Out = act(In)</c>, number by number.</summary>
    public sealed record Activate(Value In, Activation Kind, Value Out) : Op
    {
        /// <inheritdoc/>
        public override ImmutableArray<Value> Inputs => [In];

        /// <inheritdoc/>
        public override ImmutableArray<Value> Outputs => [Out];
    }

    /// <summary><c>Out = Left + Right</c>.</summary>
    public sealed record Add(Value Left, Value Right, Value Out) : Op
    {
        /// <inheritdoc/>
        public override ImmutableArray<Value> Inputs => [Left, Right];

        /// <inheritdoc/>
        public override ImmutableArray<Value> Outputs => [Out];
    }

    /// <summary><c>Out = In + Vector</c>, the same for each row.</summary>
    public sealed record AddVector(Value In, Weight Vector, Value Out) : Op
    {
        /// <inheritdoc/>
        public override ImmutableArray<Value> Inputs => [In];

        /// <inheritdoc/>
        public override ImmutableArray<Value> Outputs => [Out];
    }

    /// <summary><c>Out = Left · Right</c>, number by number.</summary>
    public sealed record Multiply(Value Left, Value Right, Value Out) : Op
    {
        /// <inheritdoc/>
        public override ImmutableArray<Value> Inputs => [Left, Right];

        /// <inheritdoc/>
        public override ImmutableArray<Value> Outputs => [Out];
    }

    /// <summary>Of each run of <paramref name="Run"/> numbers those from <paramref name="First"/> on, <paramref name="Count"/> of them.</summary>
    public sealed record Part(Value In, int Run, int First, int Count, Value Out) : Op
    {
        /// <inheritdoc/>
        public override ImmutableArray<Value> Inputs => [In];

        /// <inheritdoc/>
        public override ImmutableArray<Value> Outputs => [Out];
    }

    /// <summary>
    /// A causal convolution of each channel: <c>Out[t] = Σ Kernel[c][j] · In[t − (k − 1) + j] + Bias[c]</c> over the k columns of the kernel.
    /// The state of <paramref name="Layer"/> is the last k − 1 rows of the input [k − 1 × channels], zeros where a sequence begins.
    /// </summary>
    /// <param name="In">The rows.</param>
    /// <param name="Kernel">[channels × k].</param>
    /// <param name="Bias">[1 × channels], or none.</param>
    /// <param name="Layer">Index into <see cref="ModelGraph.StateLayers"/>.</param>
    /// <param name="Out">The result.</param>
    public sealed record ShortConvolution(Value In, Weight Kernel, Weight? Bias, int Layer, Value Out) : Op
    {
        /// <inheritdoc/>
        public override ImmutableArray<Value> Inputs => [In];

        /// <inheritdoc/>
        public override ImmutableArray<Value> Outputs => [Out];
    }

    /// <summary>
    /// The recurrence of Mamba 2 (Dao and Gu 2024, "Transformers are SSMs"). Each head has a state S [state width × head width], zeros where a sequence
    /// begins; for each row, with <c>δ = softplus(Step + StepBias)</c>: <c>S = e^(δ · Decay) · S + B ⊗ (δ · X)</c>, then <c>Out = Sᵀ · C + Skip · X</c>.
    /// </summary>
    /// <param name="X">[tokens × heads · head width].</param>
    /// <param name="B">[tokens × groups · state width]; neighbouring heads share a group.</param>
    /// <param name="C">[tokens × groups · state width].</param>
    /// <param name="Step">[tokens × heads].</param>
    /// <param name="StepBias">[1 × heads].</param>
    /// <param name="Decay">[1 × heads], negative numbers.</param>
    /// <param name="Skip">[1 × heads].</param>
    /// <param name="Spec">Heads and widths.</param>
    /// <param name="Layer">Index into <see cref="ModelGraph.StateLayers"/>.</param>
    /// <param name="Out">[tokens × heads · head width].</param>
    public sealed record StateSpace(Value X, Value B, Value C, Value Step, Weight StepBias, Weight Decay, Weight Skip, RecurrenceSpec Spec, int Layer, Value Out) : Op
    {
        /// <inheritdoc/>
        public override ImmutableArray<Value> Inputs => [X, B, C, Step];

        /// <inheritdoc/>
        public override ImmutableArray<Value> Outputs => [Out];
    }

    /// <summary>
    /// The gated delta rule (Yang et al. 2024, "Gated Delta Networks"). Each head has a state S [state width × head width], zeros where a sequence begins;
    /// for each row, with k and q of length 1 (or of less, where they are shorter than <paramref name="Epsilon"/>): <c>S = e^(Decay · softplus(Step + StepBias)) · S</c>,
    /// <c>S = S + k ⊗ (sigmoid(Beta) · (V − Sᵀ · k))</c>, then <c>Out = Sᵀ · q / √(state width)</c>.
    /// </summary>
    /// <param name="Q">[tokens × groups · state width]; head h has the query and key of group h modulo groups.</param>
    /// <param name="K">[tokens × groups · state width].</param>
    /// <param name="V">[tokens × heads · head width].</param>
    /// <param name="Step">[tokens × heads].</param>
    /// <param name="Beta">[tokens × heads].</param>
    /// <param name="StepBias">[1 × heads].</param>
    /// <param name="Decay">[1 × heads], negative numbers.</param>
    /// <param name="Spec">Heads and widths.</param>
    /// <param name="Epsilon">Lengths below this count as this.</param>
    /// <param name="Layer">Index into <see cref="ModelGraph.StateLayers"/>.</param>
    /// <param name="Out">[tokens × heads · head width].</param>
    public sealed record GatedDelta(Value Q, Value K, Value V, Value Step, Value Beta, Weight StepBias, Weight Decay, RecurrenceSpec Spec, float Epsilon, int Layer, Value Out) : Op
    {
        /// <inheritdoc/>
        public override ImmutableArray<Value> Inputs => [Q, K, V, Step, Beta];

        /// <inheritdoc/>
        public override ImmutableArray<Value> Outputs => [Out];
    }

    /// <summary><c>Out = In · Factor</c>.</summary>
    public sealed record Scale(Value In, float Factor, Value Out) : Op
    {
        /// <inheritdoc/>
        public override ImmutableArray<Value> Inputs => [In];

        /// <inheritdoc/>
        public override ImmutableArray<Value> Outputs => [Out];
    }

    /// <summary>Keeps numbers within ±<paramref name="Limit"/>: cut off there, or bent by <c>Limit · tanh(In / Limit)</c>.</summary>
    public sealed record Bound(Value In, float Limit, bool IsSmooth, Value Out) : Op
    {
        /// <inheritdoc/>
        public override ImmutableArray<Value> Inputs => [In];

        /// <inheritdoc/>
        public override ImmutableArray<Value> Outputs => [Out];
    }

    /// <summary>A mixture of experts with its router: each row goes through the experts that the router picks for it, summed with their weights.</summary>
    /// <param name="In">The rows.</param>
    /// <param name="Router">[experts × In.Width]; its logits choose the experts.</param>
    /// <param name="GateProjection">[experts × hidden × In.Width].</param>
    /// <param name="UpProjection">[experts × hidden × In.Width].</param>
    /// <param name="DownProjection">[experts × Out.Width × hidden].</param>
    /// <param name="Spec">How experts are chosen and weighted.</param>
    /// <param name="Out">The result.</param>
    /// <param name="Biases">What is added to logits, scores and projections, if anything.</param>
    public sealed record Experts(
        Value In, Weight Router, Weight GateProjection, Weight UpProjection, Weight DownProjection, ExpertsSpec Spec, Value Out, ExpertBiases? Biases = null) : Op
    {
        /// <inheritdoc/>
        public override ImmutableArray<Value> Inputs => [In];

        /// <inheritdoc/>
        public override ImmutableArray<Value> Outputs => [Out];
    }

    /// <summary>Keeps the rows whose logits are asked for (<c>Batch.OutputRows</c>); what follows runs on these alone.</summary>
    public sealed record PickRows(Value In, Value Out) : Op
    {
        /// <inheritdoc/>
        public override ImmutableArray<Value> Inputs => [In];

        /// <inheritdoc/>
        public override ImmutableArray<Value> Outputs => [Out];
    }
}
