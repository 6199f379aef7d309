using System.Globalization;
using System.Runtime.InteropServices;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Models;

/// <summary>
/// The forward pass, for every family. What a tensor shows is not configured: a bias, a head norm, a gate or a mixture of experts is there if its
/// tensor is there. What tensors cannot show is a field of <see cref="ModelSpec"/>.
/// </summary>
internal sealed class Transformer
{
    private readonly ModelSpec _spec;
    private readonly ModelWeights _weights;
    private readonly Pooling? _pooling;
    private readonly GraphBuilder _graph = new();
    private readonly RecurrentMixer _recurrence;
    private readonly RopeSpec? _rope;
    private readonly RopeSpec? _windowRope;
    private readonly List<Value> _attended = [];        // of each layer
    private LayerInputs? _layerInputs;

    private Transformer(ModelSpec spec, ModelWeights weights, int contextLength, Pooling? pooling)
    {
        _spec = spec;
        _weights = weights;
        _pooling = pooling;
        _recurrence = new RecurrentMixer(_graph, spec, weights);
        if (spec.RopeWidth == 0)
            return;
        _rope = spec.RopeScaling.Resolve(spec.RopePairing, spec.RopeBase, spec.RopeWidth, Divisors(contextLength));
        _rope = _rope with { Frequencies = [.. _rope.Frequencies.Select((frequency, pair) => spec.TurnsWithText(pair) ? frequency : 0)] };
        _windowRope = spec.WindowRopeBase == 0 ? _rope : new RopeScaling().Resolve(spec.RopePairing, spec.WindowRopeBase, spec.WindowHeads?.RopeWidth ?? spec.RopeWidth, null);
    }

    /// <param name="spec">What the model is.</param>
    /// <param name="weights">Its tensors.</param>
    /// <param name="contextLength">The most positions of one request.</param>
    /// <param name="pooling">What will be done with the resulting rows; null for logits.</param>
    public static ModelGraph Build(ModelSpec spec, ModelWeights weights, int contextLength, Pooling? pooling) =>
        new Transformer(spec, weights, contextLength, pooling).Build();

    // What each pair's frequency is divided by, if the file says.
    private float[]? Divisors(int contextLength)
    {
        if (!_spec.RopeScaling.HasFactors)
            return _weights.Contains("rope_freqs") ? Divisors("rope_freqs") : null;
        var (brief, extended) = (Divisors("rope_factors_short"), Divisors("rope_factors_long"));
        return contextLength > _spec.RopeScaling.OriginalContextLength ? extended : brief;
    }

    private float[] Divisors(string name)
    {
        var divisors = _weights.Vector(name, _spec.RopeWidth / 2).ToFloats();
        return divisors.All(divisor => float.IsFinite(divisor) && divisor > 0)
            ? divisors
            : throw new ModelFormatException($"{_weights.Path}: tensor '{name}.weight': expected positive numbers, found others.");
    }

    private ModelGraph Build()
    {
        var table = _weights.Matrix("token_embd", _spec.VocabularySize, _spec.Width);
        var x = _graph.Scale(_graph.Embed(table), _spec.EmbeddingScale);
        if (_spec.PositionLimit is { } positions)
            x = _graph.Add(x, _graph.EmbedPositions(_weights.Matrix("position_embd", positions, _spec.Width)));
        // Of two kinds of token, which mark the first and the second text of a pair, all are of the first.
        if (_weights.Contains("token_types"))
            x = _graph.AddVector(x, _weights.Matrix("token_types", _weights.RowsOf("token_types"), _spec.Width).Slice(0, 1, "token_types"));
        if (_spec.OutputNorm != "token_embd_norm")
            x = NormIfThere("token_embd_norm", x);
        _layerInputs = _spec.LayerInputWidth > 0 ? new LayerInputs(_graph, _spec, _weights, x) : null;
        for (var layer = 0; layer < _spec.Layers; layer++)
            x = Block($"blk.{layer}.", layer, x);

        x = _spec.HasOutputNorm ? Norm(_spec.OutputNorm, x) : x;
        return _graph.Build(_pooling is { } pooling ? Pooled(pooling, x) : Logits(x, table));
    }

    private Value Logits(Value x, Weight table)
    {
        var output = _weights.Contains("output") ? _weights.Matrix("output", _spec.VocabularySize, _spec.Width) : table with { Name = "output" };
        var logits = _graph.Linear(x, output, _weights.BiasIfThere("output", _spec.VocabularySize));
        return _graph.Bound(_graph.Scale(logits, _spec.LogitScale), _spec.LogitSoftCap, isSmooth: true);
    }

    // What is left to do for each row; a product is the same before and after a mean.
    private Value Pooled(Pooling pooling, Value x)
    {
        _weights.Ignore("output", "cls", "cls.output", "dense_2", "dense_3");
        if (pooling == Pooling.Rank)
            return Score(x);
        if (pooling == Pooling.None || !_weights.Contains("dense_2"))
            return x;
        x = Linear("dense_2", x, _weights.RowsOf("dense_2"));
        return Linear("dense_3", x, _weights.RowsOf("dense_3"));
    }

    private Value Score(Value x)
    {
        if (_weights.Contains("cls"))
            x = _graph.Bound(Linear("cls", x, _weights.RowsOf("cls")), 1, isSmooth: true);
        return Linear("cls.output", x, _weights.RowsOf("cls.output"));
    }

    private Value Block(string prefix, int layer, Value x)
    {
        var isNormed = layer == 0 && !_spec.IsCausal && _weights.Contains("token_embd_norm");
        var normed = isNormed ? NormIfThere(prefix + "attn_norm", x) : InputNorm(prefix + "attn_norm", x);
        var (attended, output) = Mix(prefix, layer, _spec.IsParallel ? NormIfThere(prefix + "attn_norm_2", x, normed) : normed);

        // Behind the last step that sees other rows only the rows whose logits are asked for matter.
        if (layer == _spec.Layers - 1)
        {
            (x, attended) = (_graph.PickRows(x), _graph.PickRows(attended));
            normed = _spec.IsParallel ? _graph.PickRows(normed) : normed;
        }

        attended = Linear(prefix + output, attended, _spec.Width);
        if (!_spec.HasFeedForward)
            return Join(x, attended);
        attended = AttendedNorm(prefix, "post_attention_norm", attended);
        if (_spec.IsParallel)
            return Join(Join(x, attended), FeedForward(prefix, _weights.Contains(prefix + "ffn_norm") ? Norm(prefix + "ffn_norm", x) : normed));

        x = AttendedNorm(prefix, "attn_output_norm", Join(x, attended));
        x = Join(x, NormIfThere(prefix + "post_ffw_norm", FeedForward(prefix, InputNorm(prefix + _spec.FeedForwardNorm, x))));
        x = NormIfThere(prefix + "layer_output_norm", x);
        x = _layerInputs?.Join(prefix, layer, x) ?? x;
        return _weights.Contains(prefix + "layer_output_scale") ? _graph.Scale(x, Factor(prefix + "layer_output_scale")) : x;
    }

    // The step in which a row sees those before it, and the tensor that its result goes through.
    private (Value Mixed, string Output) Mix(string prefix, int layer, Value x) =>
        _recurrence.TryMix(prefix, x, out var mixed, out var output) ? (mixed, output)
            : (_spec.Latent is null ? Attention(prefix, layer, x) : LatentAttention.Build(_graph, _spec, _weights, _rope!, prefix, x), "attn_output");

    private Value Attention(string prefix, int layer, Value x)
    {
        var attended = layer < _spec.Layers - _spec.SharedKvLayers ? AttentionOfItsOwn(prefix, layer, x) : AttentionOfAnother(prefix, layer, x);
        _attended.Add(attended);
        return attended;
    }

    private Value AttentionOfItsOwn(string prefix, int layer, Value x)
    {
        var (headWidth, kvHeads, valueWidth) = (_spec.HeadWidthOf(layer), _spec.KvHeadsOf(layer), _spec.ValueWidthOf(layer));
        if (kvHeads == 0)
            throw new ModelFormatException($"{_weights.Path}: layer {layer} has attention; expected at least one KV head for it in attention.head_count_kv, found none.");
        // Where values have no projection, they are what keys are made of.
        var hasValues = _weights.Contains(prefix + "attn_qkv") || _weights.Contains(prefix + "attn_v") || !_spec.HasValueNorm;
        // Each head's query may have a gate for its result beside it.
        var queryWidth = _spec.Heads * headWidth;
        var isGated = headWidth == valueWidth && _weights.Contains(prefix + "attn_q") && _weights.RowsOf(prefix + "attn_q") == 2 * queryWidth;
        (string, int)[] parts = [("attn_q", isGated ? 2 * queryWidth : queryWidth), ("attn_k", kvHeads * headWidth), ("attn_v", kvHeads * valueWidth)];
        var qkv = _graph.Linear(x, _weights.Products(prefix, "attn_qkv", _spec.Width, hasValues ? parts : parts[..2]));
        var q = Placed(layer, prefix + "attn_q_norm", Limited(isGated ? _graph.Part(qkv[0], 2 * headWidth, 0, headWidth) : qkv[0]));
        var k = Placed(layer, prefix + "attn_k_norm", Limited(qkv[1]));
        var v = Limited(qkv[hasValues ? 2 : 1]);
        if (_spec.HasValueNorm)
            v = _graph.Norm(v, _spec.Norm, Ones(prefix + "attn_v_norm", valueWidth), null, _spec.NormEpsilon);
        var attended = _graph.Attention(q, k, v, SpecOf(layer, layer), _weights.VectorIfThere(prefix + "attn_sinks", _spec.Heads));
        return isGated ? _graph.Gate(_graph.Part(qkv[0], 2 * headWidth, headWidth, headWidth), attended, Activation.Sigmoid) : attended;
    }

    // Over the keys and values of the last layer that has its own and sees as far.
    private Value AttentionOfAnother(string prefix, int layer, Value x)
    {
        var source = _spec.Layers - _spec.SharedKvLayers - 1;
        while (source >= 0 && (_spec.WindowOf(source) == 0) != (_spec.WindowOf(layer) == 0))
            source--;
        if (source < 0)
            throw new ModelFormatException($"{_weights.Path}: layer {layer} has no keys of its own; expected a layer that has them and sees as far, found none.");

        _weights.Ignore(prefix + "attn_k", prefix + "attn_v", prefix + "attn_k_norm");
        var q = Linear(prefix + "attn_q", x, _spec.Heads * _spec.HeadWidthOf(layer));
        q = Placed(layer, prefix + "attn_q_norm", Limited(q));
        return _graph.AttentionAfter(_attended[source], q, SpecOf(layer, source), _weights.VectorIfThere(prefix + "attn_sinks", _spec.Heads));
    }

    private AttentionSpec SpecOf(int layer, int source) => new(
        _spec.Heads,
        _spec.KvHeadsOf(source),
        _spec.HeadWidthOf(layer),
        _spec.ValueWidthOf(layer),
        _spec.AttentionScale,
        Window: _spec.WindowOf(layer),
        TemperatureScale: _spec.TemperatureScale,
        TemperatureLength: _spec.TemperatureLength,
        SoftCap: _spec.AttentionSoftCap,
        AlibiBias: _spec.AlibiBias,
        IsCausal: _spec.IsCausal);

    private Value Placed(int layer, string norm, Value x) =>
        _spec.HeadNormsFollowRope ? HeadNorm(norm, _spec.HeadWidthOf(layer), Rope(layer, x)) : Rope(layer, HeadNorm(norm, _spec.HeadWidthOf(layer), x));

    private Value Limited(Value x) => _graph.Bound(x, _spec.QkvLimit, isSmooth: false);

    private Value FeedForward(string prefix, Value x)
    {
        if (!_weights.Contains(prefix + "ffn_gate_inp"))
            return Mlp(prefix, "", x);

        // An expert that every row goes through stands beside the others, perhaps with a gate of its own.
        var routed = Experts(prefix, x);
        if (!_weights.Contains(prefix + "ffn_up_shexp"))
            return routed;
        var shared = Mlp(prefix, "_shexp", x);
        if (_weights.Contains(prefix + "ffn_gate_inp_shexp"))
            shared = _graph.RowGate(Linear(prefix + "ffn_gate_inp_shexp", x, 1), shared, Activation.Sigmoid);
        return _graph.Add(routed, shared);
    }

    private Value Mlp(string prefix, string suffix, Value x)
    {
        var (gate, up, down) = ("ffn_gate" + suffix, "ffn_up" + suffix, "ffn_down" + suffix);
        var rows = _weights.RowsOf(prefix + up);
        var hiddenWidth = _weights.ColumnsOf(prefix + down);
        var isFused = !_weights.Contains(prefix + gate) && rows == 2 * hiddenWidth;
        if (!isFused && !_weights.Contains(prefix + gate))
            return Linear(prefix + down, _graph.Activate(Linear(prefix + up, x, rows), _spec.Activation), _spec.Width);

        var hidden = _graph.Linear(x, _weights.Products(prefix, isFused ? up : "", _spec.Width, (gate, hiddenWidth), (up, hiddenWidth)));
        return Linear(prefix + down, _graph.Gate(hidden[0], hidden[1], _spec.Activation), _spec.Width);
    }

    private Value Experts(string prefix, Value x)
    {
        var experts = _weights.RowsOf(prefix + "ffn_gate_inp");
        var hiddenWidth = _weights.RowsOf(prefix + "ffn_up_exps");
        return _graph.Experts(
            x,
            _weights.Matrix(prefix + "ffn_gate_inp", experts, _spec.Width),
            _weights.Experts(prefix + "ffn_gate_exps", experts, hiddenWidth, _spec.Width),
            _weights.Experts(prefix + "ffn_up_exps", experts, hiddenWidth, _spec.Width),
            _weights.Experts(prefix + "ffn_down_exps", experts, _spec.Width, hiddenWidth),
            new ExpertsSpec(
                _spec.ExpertsUsed,
                _spec.Activation,
                _spec.NormalizeExpertWeights,
                _spec.ExpertWeightScale,
                _spec.ExpertScoring,
                Groups: _spec.ExpertGroups,
                GroupsUsed: _spec.ExpertGroupsUsed,
                GroupScores: _spec.ExpertGroupScores,
                Limit: _spec.ExpertLimit,
                UpOffset: _spec.ExpertUpOffset),
            new ExpertBiases(
                _weights.BiasIfThere(prefix + "ffn_gate_inp", experts),
                _weights.BiasesIfThere(prefix + "ffn_gate_exps", experts, hiddenWidth),
                _weights.BiasesIfThere(prefix + "ffn_up_exps", experts, hiddenWidth),
                _weights.BiasesIfThere(prefix + "ffn_down_exps", experts, _spec.Width),
                _weights.BiasIfThere(prefix + "exp_probs_b", experts)));
    }

    private Value Join(Value x, Value y) => _graph.Add(x, _graph.Scale(y, _spec.ResidualScale));

    private Value Linear(string name, Value x, int rows)
    {
        var (weight, bias) = _weights.Product(name, rows, x.Width);
        return _graph.Linear(x, weight, bias);
    }

    private Value Norm(string name, Value x) =>
        _graph.Norm(x, _spec.Norm, _spec.HasNormGains ? _weights.Vector(name, _spec.Width) : Ones(name, _spec.Width), _weights.BiasIfThere(name, _spec.Width), _spec.NormEpsilon);

    private Value AttendedNorm(string prefix, string name, Value x) => name == _spec.FeedForwardNorm ? x : NormIfThere(prefix + name, x);

    private Value InputNorm(string name, Value x) => _spec.HasInputNorms ? Norm(name, x) : x;

    private Value NormIfThere(string name, Value x) => NormIfThere(name, x, x);

    private Value NormIfThere(string name, Value x, Value otherwise) => _weights.Contains(name) ? Norm(name, x) : otherwise;

    // Over all heads together, or over each: with one gain, or (Command R+, StableLM 2 12B) with a gain of its own.
    private Value HeadNorm(string name, int headWidth, Value x)
    {
        if (!_weights.Contains(name))
            return x;
        var gain = _weights.RowsOf(name) > 1 ? _weights.Matrix(name, x.Width / headWidth, headWidth) : _weights.VectorIfThere(name, headWidth, x.Width)!;
        return _graph.Norm(x, _spec.Norm, gain, _weights.BiasIfThere(name, gain.Columns), _spec.NormEpsilon);
    }

    private Value Rope(int layer, Value x) =>
        _spec.HasRope(layer) && (_spec.WindowOf(layer) == 0 ? _rope : _windowRope) is { } rope ? _graph.Rope(x, rope, _spec.HeadWidthOf(layer)) : x;

    // A norm's gain that changes nothing.
    private static Weight Ones(string name, int length)
    {
        var ones = new float[length];
        Array.Fill(ones, 1);
        return new Weight(name, BlockFormats.Get(GgmlType.F32), length, 1, WeightStorage.From(MemoryMarshal.AsBytes<float>(ones).ToArray()), 0);
    }

    private float Factor(string name) => _weights.Vector(name, 1).ToFloats()[0] is var factor && float.IsFinite(factor)
        ? factor
        : throw new ModelFormatException($"{_weights.Path}: tensor '{name}.weight': expected a finite number, found {factor.ToString(CultureInfo.InvariantCulture)}.");
}
