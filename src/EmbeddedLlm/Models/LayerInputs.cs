using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models;

/// <summary>
/// A vector of each token for each layer: the sum of a row of a table of its own and of a projection of its embedding. A layer adds what it makes of its
/// vector to its result, behind a gate (Google 2025, Gemma 3n's per-layer embeddings).
/// </summary>
internal sealed class LayerInputs
{
    private readonly GraphBuilder _graph;
    private readonly ModelSpec _spec;
    private readonly ModelWeights _weights;
    private readonly Value _all;        // [tokens × layers · width]

    /// <param name="graph">The graph.</param>
    /// <param name="spec">What the model is.</param>
    /// <param name="weights">Its tensors.</param>
    /// <param name="embedded">The embedded tokens, scaled.</param>
    public LayerInputs(GraphBuilder graph, ModelSpec spec, ModelWeights weights, Value embedded)
    {
        (_graph, _spec, _weights) = (graph, spec, weights);
        var width = checked(spec.Layers * spec.LayerInputWidth);
        var rows = graph.Scale(graph.Embed(weights.Matrix("per_layer_token_embd", spec.VocabularySize, width)), MathF.Sqrt(spec.LayerInputWidth));
        var projected = graph.Scale(graph.Linear(embedded, weights.Matrix("per_layer_model_proj", width, spec.Width)), 1 / MathF.Sqrt(spec.Width));
        projected = graph.Norm(projected, spec.Norm, weights.Vector("per_layer_proj_norm", spec.LayerInputWidth), null, spec.NormEpsilon);
        _all = graph.Scale(graph.Add(projected, rows), 1 / MathF.Sqrt(2));
    }

    /// <summary>The result <paramref name="x"/> of a layer with what its vectors add to it.</summary>
    public Value Join(string prefix, int layer, Value x)
    {
        // Behind the last attention only picked rows are left.
        var part = _graph.Part(_all, _all.Width, layer * _spec.LayerInputWidth, _spec.LayerInputWidth);
        part = layer == _spec.Layers - 1 ? _graph.PickRows(part) : part;
        var gate = _graph.Linear(x, _weights.Matrix(prefix + "inp_gate", _spec.LayerInputWidth, _spec.Width));
        var added = _graph.Linear(_graph.Gate(gate, part, _spec.Activation), _weights.Matrix(prefix + "proj", _spec.Width, _spec.LayerInputWidth));
        return _graph.Add(x, _graph.Norm(added, _spec.Norm, _weights.Vector(prefix + "post_norm", _spec.Width), null, _spec.NormEpsilon));
    }
}
