using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace EmbeddedLlm.Graph;

/// <summary>
/// Writes a forward pass down, op by op. Every method adds one op and returns its result, so that a model reads like its paper.
/// Widths are checked here, once; a backend may rely on them.
/// </summary>
[Experimental("ELLM001")]
public sealed class GraphBuilder
{
    private readonly ImmutableArray<Op>.Builder _ops = ImmutableArray.CreateBuilder<Op>();
    private readonly ImmutableArray<KvLayer>.Builder _kvLayers = ImmutableArray.CreateBuilder<KvLayer>();
    private readonly ImmutableArray<StateLayer>.Builder _stateLayers = ImmutableArray.CreateBuilder<StateLayer>();
    private readonly ImmutableArray<string>.Builder _sites = ImmutableArray.CreateBuilder<string>();
    private readonly HashSet<string> _siteNames = new(StringComparer.Ordinal);
    private readonly List<Value> _values = [];
    private readonly List<bool> _picked = [];

    /// <summary>The rows of <paramref name="table"/> that the tokens name.</summary>
    public Value Embed(Weight table)
    {
        RequireMatrix(table);
        var result = Define(table.Columns, picked: false);
        _ops.Add(new Op.Embed(table, result));
        return result;
    }

    /// <summary>The rows of <paramref name="table"/> at the positions of the tokens.</summary>
    public Value EmbedPositions(Weight table)
    {
        RequireMatrix(table);
        return Add(table.Columns, false, result => new Op.EmbedPositions(table, result));
    }

    /// <summary><c>In · weightᵀ + bias</c>.</summary>
    public Value Linear(Value input, Weight weight, Weight? bias = null) => Linear(input, [(weight, bias)])[0];

    /// <summary>Several products that share one read of their input, such as q, k and v. Each becomes a site, named by its weight.</summary>
    /// <exception cref="ArgumentException">A width does not fit, or a site of that name exists.</exception>
    public ImmutableArray<Value> Linear(Value input, params ReadOnlySpan<(Weight Weight, Weight? Bias)> products)
    {
        Require(input);
        if (products.IsEmpty)
            throw new ArgumentException("A linear op needs a weight.", nameof(products));

        var projections = ImmutableArray.CreateBuilder<Projection>(products.Length);
        foreach (var (weight, bias) in products)
        {
            RequireMatrix(weight);
            RequireWidth(weight.Name, "input", weight.Columns, input.Width);
            if (bias is not null)
                RequireVector(bias, weight.Rows);
            if (!_siteNames.Add(weight.Name))
                throw new ArgumentException($"Two projections are named {weight.Name}; a site needs a name of its own.", nameof(products));
            _sites.Add(weight.Name);
            projections.Add(new Projection(weight, bias, _sites.Count - 1, Define(weight.Rows, _picked[input.Id])));
        }

        var op = new Op.Linear(input, projections.MoveToImmutable());
        _ops.Add(op);
        return [.. op.Projections.Select(projection => projection.Out)];
    }

    /// <summary>A product of its own for each head, see <see cref="Op.HeadLinear"/>. Not a site.</summary>
    public Value HeadLinear(Value input, Weight weight)
    {
        Require(input);
        var width = input.Width / weight.Experts;
        if (input.Width % weight.Experts != 0 || width < weight.Columns)
            throw new ArgumentException($"{weight.Name}: {weight.Experts} heads of {weight.Columns} numbers or more expected, rows of {input.Width} found.", nameof(weight));
        return Add(checked(weight.Experts * (width - weight.Columns + weight.Rows)), _picked[input.Id], result => new Op.HeadLinear(input, weight, result));
    }

    /// <summary>
    /// Normalises runs of the gain's length: whole rows, or each head where the gain is as long as a head. Where <paramref name="runWidth"/> is given,
    /// runs have that width, and what is behind the gain's length stays as it is. A gain of several rows has one for each run.
    /// </summary>
    public Value Norm(Value input, NormKind kind, Weight gain, Weight? bias, float epsilon, int runWidth = 0)
    {
        Require(input);
        RequireMatrix(gain);
        var run = runWidth == 0 ? gain.Columns : runWidth;
        if (run < gain.Columns || input.Width % run != 0)
            throw new ArgumentException($"{gain.Name} has {gain.Columns} numbers; rows of {input.Width} have no runs of {run} for them.", nameof(gain));
        if (gain.Rows != 1 && (long)gain.Rows * run != input.Width)
            throw new ArgumentException($"{gain.Name} has {gain.Rows} rows of {gain.Columns} numbers, which are not rows of {input.Width}.", nameof(gain));
        if (bias is not null)
            RequireVector(bias, gain.Columns);
        if (!(epsilon >= 0) || float.IsInfinity(epsilon))
            throw new ArgumentException($"The epsilon of {gain.Name} is {epsilon}; it must be finite and not negative.", nameof(epsilon));
        return Add(input.Width, _picked[input.Id], result => new Op.Norm(input, kind, gain, bias, epsilon, run, result));
    }

    /// <summary>Turns the pairs of every head, from <paramref name="start"/> on, by position · frequency.</summary>
    public Value Rope(Value input, RopeSpec spec, int headWidth, int start = 0)
    {
        RequireUnpicked(input, "rope");
        if (headWidth <= 0 || input.Width % headWidth != 0)
            throw new ArgumentException($"Heads of {headWidth} do not divide rows of {input.Width}.", nameof(headWidth));
        if (start < 0 || spec.Width > headWidth - start)
            throw new ArgumentException($"The rotation covers {spec.Width} numbers from {start} on, a head has {headWidth}.", nameof(spec));
        return Add(input.Width, false, result => new Op.Rope(input, spec, headWidth, start, result));
    }

    /// <summary>
    /// Attention over the cache of a new layer, to which k and v of the batch are written first. Without v, values are the first
    /// <see cref="AttentionSpec.ValueWidth"/> numbers of keys. Where it is not causal no later batch reads them, so layers of one shape share a cache.
    /// </summary>
    public Value Attention(Value q, Value k, Value? v, AttentionSpec spec, Weight? sinks = null)
    {
        RequireAttention(q, spec, sinks);
        RequireUnpicked(k, "attention");
        RequireWidth("attention", "k", spec.KvHeads * spec.HeadWidth, k.Width);
        if (v is { } values)
        {
            RequireUnpicked(values, "attention");
            RequireWidth("attention", "v", spec.KvHeads * spec.ValueWidth, values.Width);
        }
        else if (spec.ValueWidth > spec.HeadWidth)
        {
            throw new ArgumentException($"Keys of {spec.HeadWidth} numbers have no values of {spec.ValueWidth} in them.", nameof(spec));
        }

        var kvLayer = new KvLayer(spec.KvHeads, spec.HeadWidth, v is null ? 0 : spec.ValueWidth);
        var layer = spec.IsCausal ? -1 : SharedLayer(kvLayer);
        if (layer < 0)
        {
            layer = _kvLayers.Count;
            _kvLayers.Add(kvLayer);
        }

        return Add(spec.Heads * spec.ValueWidth, false, result => new Op.Attention(q, k, v, spec, layer, result, sinks));
    }

    /// <summary>Attention over the cache that the attention whose result is <paramref name="earlier"/> has written; for the same KV heads.</summary>
    public Value AttentionAfter(Value earlier, Value q, AttentionSpec spec, Weight? sinks = null)
    {
        RequireAttention(q, spec, sinks);
        var source = _ops.OfType<Op.Attention>().FirstOrDefault(op => op.Out == earlier) ?? throw new ArgumentException($"Value {earlier.Id} is no result of attention.", nameof(earlier));
        if ((spec.KvHeads, spec.HeadWidth, spec.ValueWidth, spec.IsCausal) != (source.Spec.KvHeads, source.Spec.HeadWidth, source.Spec.ValueWidth, source.Spec.IsCausal))
            throw new ArgumentException($"The cache holds {source.Spec.KvHeads} heads of {source.Spec.HeadWidth} and {source.Spec.ValueWidth} numbers, not {spec.KvHeads} of {spec.HeadWidth} and {spec.ValueWidth}.", nameof(spec));
        if (!spec.IsCausal)
            throw new ArgumentException("Layers that see both ways share one cache, which a later one may have written over.", nameof(spec));
        return Add(spec.Heads * spec.ValueWidth, false, result => new Op.Attention(q, null, null, spec, source.Layer, result, sinks));
    }

    /// <summary><c>act(gated) · up</c>, number by number.</summary>
    public Value Gate(Value gated, Value up, Activation kind)
    {
        RequireAlike(gated, up, "gate");
        return Add(gated.Width, _picked[gated.Id], result => new Op.Gate(gated, up, kind, result));
    }

    /// <summary><c>act(factor) · input</c>, with one factor for each row.</summary>
    public Value RowGate(Value factor, Value input, Activation kind)
    {
        Require(factor);
        Require(input);
        RequireWidth("row gate", "factor", 1, factor.Width);
        if (_picked[factor.Id] != _picked[input.Id])
            throw new ArgumentException("One side of a row gate lies before PickRows, the other behind it.", nameof(factor));
        return Add(input.Width, _picked[input.Id], result => new Op.RowGate(factor, input, kind, result));
    }

    /// <summary><c>act(input)</c>, number by number.</summary>
    public Value Activate(Value input, Activation kind)
    {
        Require(input);
        return Add(input.Width, _picked[input.Id], result => new Op.Activate(input, kind, result));
    }

    /// <summary><c>left + right</c>.</summary>
    public Value Add(Value left, Value right)
    {
        RequireAlike(left, right, "add");
        return Add(left.Width, _picked[left.Id], result => new Op.Add(left, right, result));
    }

    /// <summary><c>input + vector</c>, the same for each row.</summary>
    public Value AddVector(Value input, Weight vector)
    {
        Require(input);
        RequireVector(vector, input.Width);
        return Add(input.Width, _picked[input.Id], result => new Op.AddVector(input, vector, result));
    }

    /// <summary><c>left · right</c>, number by number.</summary>
    public Value Multiply(Value left, Value right)
    {
        RequireAlike(left, right, "multiply");
        return Add(left.Width, _picked[left.Id], result => new Op.Multiply(left, right, result));
    }

    /// <summary>Of each run of <paramref name="run"/> numbers those from <paramref name="first"/> on.</summary>
    public Value Part(Value input, int run, int first, int count)
    {
        Require(input);
        if (run <= 0 || input.Width % run != 0)
            throw new ArgumentException($"Runs of {run} do not divide rows of {input.Width}.", nameof(run));
        if (first < 0 || count <= 0 || first > run - count)
            throw new ArgumentException($"A run of {run} has no {count} numbers from {first} on.", nameof(count));
        return Add(input.Width / run * count, _picked[input.Id], result => new Op.Part(input, run, first, count, result));
    }

    /// <summary>A causal convolution of each channel with a state of its own, see <see cref="Op.ShortConvolution"/>.</summary>
    public Value ShortConvolution(Value input, Weight kernel, Weight? bias)
    {
        RequireUnpicked(input, "convolution");
        RequireMatrix(kernel);
        RequireWidth(kernel.Name, "channels", kernel.Rows, input.Width);
        if (kernel.Columns < 2)
            throw new ArgumentException($"{kernel.Name} reaches over {kernel.Columns} rows; a convolution needs 2.", nameof(kernel));
        if (bias is not null)
            RequireVector(bias, input.Width);
        var layer = AddState(kernel.Columns - 1, input.Width);
        return Add(input.Width, false, result => new Op.ShortConvolution(input, kernel, bias, layer, result));
    }

    /// <summary>The recurrence of Mamba 2 with a state of its own, see <see cref="Op.StateSpace"/>.</summary>
    public Value StateSpace(Value x, Value b, Value c, Value step, Weight stepBias, Weight decay, Weight skip, RecurrenceSpec spec)
    {
        RequireRecurrence("state space", spec, (x, spec.Width), (b, spec.GroupsWidth), (c, spec.GroupsWidth), (step, spec.Heads));
        foreach (var vector in (ReadOnlySpan<Weight>)[stepBias, decay, skip])
            RequireVector(vector, spec.Heads);
        var layer = AddState(checked(spec.Heads * spec.StateWidth), spec.HeadWidth);
        return Add(spec.Width, false, result => new Op.StateSpace(x, b, c, step, stepBias, decay, skip, spec, layer, result));
    }

    /// <summary>The gated delta rule with a state of its own, see <see cref="Op.GatedDelta"/>.</summary>
    public Value GatedDelta(Value q, Value k, Value v, Value step, Value beta, Weight stepBias, Weight decay, RecurrenceSpec spec, float epsilon)
    {
        RequireRecurrence("gated delta", spec, (q, spec.GroupsWidth), (k, spec.GroupsWidth), (v, spec.Width), (step, spec.Heads), (beta, spec.Heads));
        foreach (var vector in (ReadOnlySpan<Weight>)[stepBias, decay])
            RequireVector(vector, spec.Heads);
        if (!(epsilon > 0) || float.IsInfinity(epsilon))
            throw new ArgumentException($"The epsilon of a gated delta is {epsilon}; it must be finite and positive.", nameof(epsilon));
        var layer = AddState(checked(spec.Heads * spec.StateWidth), spec.HeadWidth);
        return Add(spec.Width, false, result => new Op.GatedDelta(q, k, v, step, beta, stepBias, decay, spec, epsilon, layer, result));
    }

    /// <summary><c>input · factor</c>; the input itself where the factor is 1.</summary>
    public Value Scale(Value input, float factor)
    {
        Require(input);
        return factor == 1 ? input : Add(input.Width, _picked[input.Id], result => new Op.Scale(input, factor, result));
    }
    /// <summary>Numbers within ±<paramref name="limit"/>, see <see cref="Op.Bound"/>; the input itself where the limit is 0.</summary>
    public Value Bound(Value input, float limit, bool isSmooth)
    {
        Require(input);
        if (!(limit >= 0) || float.IsInfinity(limit))
            throw new ArgumentException($"The limit is {limit}; it must be finite and not negative.", nameof(limit));
        return limit == 0 ? input : Add(input.Width, _picked[input.Id], result => new Op.Bound(input, limit, isSmooth, result));
    }

    /// <summary>A mixture of experts, see <see cref="Op.Experts"/>.</summary>
    public Value Experts(Value input, Weight router, Weight gate, Weight up, Weight down, ExpertsSpec spec, ExpertBiases? biases = null)
    {
        Require(input);
        RequireMatrix(router);
        RequireWidth(router.Name, "input", router.Columns, input.Width);
        foreach (var weight in (ReadOnlySpan<Weight>)[gate, up, down])
            RequireWidth(weight.Name, "experts", router.Rows, weight.Experts);
        RequireWidth(gate.Name, "input", gate.Columns, input.Width);
        RequireWidth(up.Name, "input", up.Columns, input.Width);
        RequireWidth(up.Name, "rows", gate.Rows, up.Rows);
        RequireWidth(down.Name, "input", down.Columns, up.Rows);
        if (spec.Used <= 0 || spec.Used > router.Rows)
            throw new ArgumentException($"{spec.Used} of {router.Rows} experts cannot be used.", nameof(spec));
        if (!(spec.Limit >= 0) || !float.IsFinite(spec.Limit) || !float.IsFinite(spec.UpOffset))
            throw new ArgumentException($"The limit {spec.Limit} and the offset {spec.UpOffset} of experts must be finite, the limit not negative.", nameof(spec));
        RequireGroups(router.Rows, spec);
        RequireBias(biases?.Router, 1, router.Rows);
        RequireBias(biases?.Gate, router.Rows, gate.Rows);
        RequireBias(biases?.Up, router.Rows, up.Rows);
        RequireBias(biases?.Down, router.Rows, down.Rows);
        RequireBias(biases?.Choice, 1, router.Rows);
        return Add(down.Rows, _picked[input.Id], result => new Op.Experts(input, router, gate, up, down, spec, result, biases));
    }

    /// <summary>Keeps the rows whose results are asked for.</summary>
    public Value PickRows(Value input)
    {
        RequireUnpicked(input, "pick rows");
        return Add(input.Width, true, result => new Op.PickRows(input, result));
    }

    /// <summary>The finished graph. Its result, <paramref name="logits"/> or hidden rows, must lie behind <see cref="PickRows"/>.</summary>
    public ModelGraph Build(Value logits)
    {
        Require(logits);
        if (!_picked[logits.Id])
            throw new ArgumentException("Logits belong to the rows that PickRows keeps.", nameof(logits));
        return new ModelGraph(_ops.ToImmutable(), _values.Count, logits, _kvLayers.ToImmutable(), _sites.ToImmutable()) { StateLayers = _stateLayers.ToImmutable() };
    }

    // A layer of this shape that no causal attention keeps its past in; −1 if there is none.
    private int SharedLayer(KvLayer shape) =>
        _ops.OfType<Op.Attention>().FirstOrDefault(op => !op.Spec.IsCausal && _kvLayers[op.Layer] == shape)?.Layer ?? -1;

    private int AddState(int rows, int columns)
    {
        _stateLayers.Add(new StateLayer(rows, columns));
        return _stateLayers.Count - 1;
    }

    private Value Add(int width, bool picked, Func<Value, Op> make)
    {
        var result = Define(width, picked);
        _ops.Add(make(result));
        return result;
    }

    private Value Define(int width, bool picked)
    {
        var value = new Value(_values.Count, width);
        _values.Add(value);
        _picked.Add(picked);
        return value;
    }

    private void Require(Value value)
    {
        if ((uint)value.Id >= (uint)_values.Count || _values[value.Id] != value)
            throw new ArgumentException($"{value} is no value of this graph.", nameof(value));
    }

    private void RequireUnpicked(Value value, string op)
    {
        Require(value);
        if (_picked[value.Id])
            throw new ArgumentException($"Behind PickRows there are no positions, so no {op}.", nameof(value));
    }

    private void RequireRecurrence(string op, RecurrenceSpec spec, params ReadOnlySpan<(Value Value, int Width)> inputs)
    {
        if (spec.Heads <= 0 || spec.HeadWidth <= 0 || spec.Groups <= 0 || spec.StateWidth <= 0 || spec.Heads % spec.Groups != 0)
            throw new ArgumentException($"{spec} is no shape of a {op}: the groups divide the heads, and no size is below 1.", nameof(spec));
        for (var i = 0; i < inputs.Length; i++)
        {
            RequireUnpicked(inputs[i].Value, op);
            RequireWidth(op, $"input {i}", inputs[i].Width, inputs[i].Value.Width);
        }
    }

    private void RequireAlike(Value left, Value right, string op)
    {
        Require(left);
        Require(right);
        RequireWidth(op, "right side", left.Width, right.Width);
        if (_picked[left.Id] != _picked[right.Id])
            throw new ArgumentException($"One side of {op} lies before PickRows, the other behind it.", nameof(right));
    }

    private void RequireAttention(Value q, AttentionSpec spec, Weight? sinks)
    {
        RequireUnpicked(q, "attention");
        if (spec.Heads <= 0 || spec.KvHeads <= 0 || spec.Heads % spec.KvHeads != 0)
            throw new ArgumentException($"{spec.KvHeads} key heads do not divide {spec.Heads} query heads.", nameof(spec));
        if (spec.Window < 0 || spec.TemperatureLength < 0 || (spec.TemperatureScale != 0 && spec.TemperatureLength == 0))
            throw new ArgumentException("An attention window and a temperature length cannot be negative, and a temperature scale needs a length.", nameof(spec));
        if (!(spec.SoftCap >= 0 && spec.AlibiBias >= 0) || float.IsInfinity(spec.SoftCap) || float.IsInfinity(spec.AlibiBias))
            throw new ArgumentException($"The soft cap {spec.SoftCap} and the ALiBi bias {spec.AlibiBias} must be finite and not negative.", nameof(spec));
        RequireWidth("attention", "q", spec.Heads * spec.HeadWidth, q.Width);
        if (sinks is not null)
            RequireVector(sinks, spec.Heads);
    }

    // Enough experts in the groups that are used, and enough scores in each.
    private static void RequireGroups(int experts, ExpertsSpec spec)
    {
        if (spec.Groups < 1 || experts % spec.Groups != 0)
            throw new ArgumentException($"{experts} experts do not form {spec.Groups} groups.", nameof(spec));
        var size = experts / spec.Groups;
        if (spec.GroupsUsed < 1 || spec.GroupsUsed > spec.Groups || spec.Used > spec.GroupsUsed * size || spec.GroupScores < 1 || spec.GroupScores > size)
            throw new ArgumentException($"{spec.Used} experts of {spec.GroupsUsed} groups, chosen by {spec.GroupScores} scores each, cannot be had from {spec.Groups} groups of {size}.", nameof(spec));
    }

    private static void RequireBias(Weight? bias, int rows, int columns)
    {
        if (bias is null)
            return;
        RequireMatrix(bias);
        RequireWidth(bias.Name, "rows", rows, bias.Rows);
        RequireWidth(bias.Name, "bias", columns, bias.Columns);
    }

    private static void RequireWidth(string name, string what, int expected, int found)
    {
        if (expected != found)
            throw new ArgumentException($"{name}: {what} should be {expected} wide, not {found}.");
    }

    private static void RequireMatrix(Weight weight)
    {
        if (weight.Experts != 1)
            throw new ArgumentException($"{weight.Name} holds {weight.Experts} matrices; one is expected.", nameof(weight));
    }

    private static void RequireVector(Weight vector, int length)
    {
        RequireMatrix(vector);
        RequireWidth(vector.Name, "rows", 1, vector.Rows);
        RequireWidth(vector.Name, "vector", length, vector.Columns);
    }
}
