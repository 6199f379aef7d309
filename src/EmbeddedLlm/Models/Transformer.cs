using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models;

/// <summary>
/// The forward pass, for every family. What a tensor shows is not configured: a bias, a head norm, a gate or a mixture of experts is there if its
/// tensor is there. What tensors cannot show is a field of <see cref="ModelSpec"/>.
/// </summary>
internal sealed class Transformer
{
    private readonly ModelSpec _spec;
    private readonly ModelWeights _weights;
    private readonly GraphBuilder _graph = new();
    private readonly RopeSpec _rope;

    private Transformer(ModelSpec spec, ModelWeights weights)
    {
        _spec = spec;
        _weights = weights;
        var divisors = weights.VectorIfThere("rope_freqs", spec.RopeWidth / 2)?.ToFloats();
        if (divisors is not null && !divisors.All(divisor => float.IsFinite(divisor) && divisor > 0))
            throw new ModelFormatException($"{weights.Path}: tensor 'rope_freqs.weight': expected positive numbers, found others.");
        _rope = spec.RopeScaling.Resolve(spec.RopePairing, spec.RopeBase, spec.RopeWidth, divisors);
    }

    public static ModelGraph Build(ModelSpec spec, ModelWeights weights) => new Transformer(spec, weights).Build();

    private ModelGraph Build()
    {
        var table = _weights.Matrix("token_embd", _spec.VocabularySize, _spec.Width);
        var x = _graph.Scale(_graph.Embed(table), _spec.EmbeddingScale);
        for (var layer = 0; layer < _spec.Layers; layer++)
            x = Block($"blk.{layer}.", layer, x);

        var output = _weights.Contains("output") ? _weights.Matrix("output", _spec.VocabularySize, _spec.Width) : table with { Name = "output" };
        var logits = _graph.Linear(Norm("output_norm", x), output, _weights.BiasIfThere("output", _spec.VocabularySize));
        return _graph.Build(_graph.Scale(logits, _spec.LogitScale));
    }

    private Value Block(string prefix, int layer, Value x)
    {
        var attended = Attention(prefix, layer, Norm(prefix + "attn_norm", x));

        // Behind the last attention only the rows whose logits are asked for matter.
        if (layer == _spec.Layers - 1)
            (x, attended) = (_graph.PickRows(x), _graph.PickRows(attended));

        x = Join(x, Linear(prefix + "attn_output", attended, _spec.Width));
        return Join(x, FeedForward(prefix, Norm(prefix + "ffn_norm", x)));
    }

    private Value Attention(string prefix, int layer, Value x)
    {
        var qkv = _graph.Linear(x, _weights.Products(prefix, "attn_qkv", _spec.Width,
            ("attn_q", _spec.Heads * _spec.HeadWidth),
            ("attn_k", _spec.KvHeads * _spec.HeadWidth),
            ("attn_v", _spec.KvHeads * _spec.ValueWidth)));
        var q = Rope(layer, HeadNorm(prefix + "attn_q_norm", qkv[0]));
        var k = Rope(layer, HeadNorm(prefix + "attn_k_norm", qkv[1]));
        return _graph.Attention(q, k, qkv[2], new AttentionSpec(
            _spec.Heads,
            _spec.KvHeads,
            _spec.HeadWidth,
            _spec.ValueWidth,
            _spec.AttentionScale,
            TemperatureScale: _spec.TemperatureScale,
            TemperatureLength: _spec.TemperatureLength));
    }

    private Value FeedForward(string prefix, Value x)
    {
        if (_weights.Contains(prefix + "ffn_gate_inp"))
            return Experts(prefix, x);

        var hiddenWidth = _weights.RowsOf(prefix + "ffn_up");
        if (!_weights.Contains(prefix + "ffn_gate"))
            return Linear(prefix + "ffn_down", _graph.Activate(Linear(prefix + "ffn_up", x, hiddenWidth), _spec.Activation), _spec.Width);

        var hidden = _graph.Linear(x, _weights.Product(prefix + "ffn_gate", hiddenWidth, _spec.Width), _weights.Product(prefix + "ffn_up", hiddenWidth, _spec.Width));
        return Linear(prefix + "ffn_down", _graph.Gate(hidden[0], hidden[1], _spec.Activation), _spec.Width);
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
            new ExpertsSpec(_spec.ExpertsUsed, _spec.Activation, _spec.NormalizeExpertWeights, _spec.ExpertWeightScale));
    }

    private Value Join(Value x, Value y) => _graph.Add(x, _graph.Scale(y, _spec.ResidualScale));

    private Value Linear(string name, Value x, int rows)
    {
        var (weight, bias) = _weights.Product(name, rows, x.Width);
        return _graph.Linear(x, weight, bias);
    }

    private Value Norm(string name, Value x) =>
        _graph.Norm(x, _spec.Norm, _weights.Vector(name, _spec.Width), _weights.BiasIfThere(name, _spec.Width), _spec.NormEpsilon);

    // Over each head, or over all of them, by the length of the gain.
    private Value HeadNorm(string name, Value x) => _weights.VectorIfThere(name, _spec.HeadWidth, x.Width) is { } gain
        ? _graph.Norm(x, _spec.Norm, gain, _weights.BiasIfThere(name, gain.Columns), _spec.NormEpsilon)
        : x;

    private Value Rope(int layer, Value x) => _spec.HasRope(layer) ? _graph.Rope(x, _rope, _spec.HeadWidth) : x;
}
