using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models;

/// <summary>
/// What stands in place of attention in layers that keep a state: the recurrence of Mamba 2, the gated delta rule, or a short convolution alone.
/// A layer's tensors show which.
/// </summary>
internal sealed class RecurrentMixer(GraphBuilder graph, ModelSpec spec, ModelWeights weights)
{
    /// <summary>Writes the step of a layer down, if it has one.</summary>
    /// <param name="prefix">Of the layer's tensors.</param>
    /// <param name="x">The normed rows.</param>
    /// <param name="mixed">The result.</param>
    /// <param name="output">The tensor that it goes through.</param>
    public bool TryMix(string prefix, Value x, out Value mixed, out string output)
    {
        (mixed, output) = (default, "ssm_out");
        if (spec.Recurrence is { } shape && weights.Contains(prefix + "ssm_in"))
            mixed = StateSpace(prefix, shape, x);
        else if (spec.Recurrence is { } delta && weights.Contains(prefix + "ssm_beta"))
            mixed = GatedDelta(prefix, delta, x);
        else if (weights.Contains(prefix + "shortconv.conv"))
            (mixed, output) = (ShortConvolution(prefix, x), "shortconv.out_proj");
        else
            return false;
        return true;
    }

    // z, x, B, C and the time step are products of one tensor; the convolution reaches over x, B and C.
    private Value StateSpace(string prefix, RecurrenceSpec shape, Value x)
    {
        var products = graph.Linear(x, weights.Products(prefix, "ssm_in", spec.Width,
            ("ssm_in.z", shape.Width), ("ssm_in.x", shape.Width), ("ssm_in.b", shape.GroupsWidth), ("ssm_in.c", shape.GroupsWidth), ("ssm_in.dt", shape.Heads)));
        var convolved = Convolved(prefix, products[1], products[2], products[3]);
        var y = graph.StateSpace(
            convolved[0],
            convolved[1],
            convolved[2],
            products[4],
            weights.Numbers(prefix + "ssm_dt.bias", shape.Heads),
            weights.Numbers(prefix + "ssm_a", shape.Heads),
            weights.Numbers(prefix + "ssm_d", shape.Heads),
            shape);
        y = graph.Gate(products[0], y, Activation.Silu);
        return weights.Contains(prefix + "ssm_norm")
            ? graph.Norm(y, NormKind.Rms, weights.Matrix(prefix + "ssm_norm", shape.Groups, shape.Width / shape.Groups), null, spec.NormEpsilon)
            : y;
    }

    private Value GatedDelta(string prefix, RecurrenceSpec shape, Value x)
    {
        var qkv = graph.Linear(x, weights.Products(prefix, "attn_qkv", spec.Width, ("attn_q", shape.GroupsWidth), ("attn_k", shape.GroupsWidth), ("attn_v", shape.Width)));
        var others = graph.Linear(
            x,
            weights.Product(prefix + "attn_gate", shape.Width, spec.Width),
            weights.Product(prefix + "ssm_alpha", shape.Heads, spec.Width),
            weights.Product(prefix + "ssm_beta", shape.Heads, spec.Width));
        var convolved = Convolved(prefix, qkv[0], qkv[1], qkv[2]);
        var y = graph.GatedDelta(
            convolved[0],
            convolved[1],
            convolved[2],
            others[1],
            others[2],
            weights.Numbers(prefix + "ssm_dt.bias", shape.Heads),
            weights.Numbers(prefix + "ssm_a", shape.Heads),
            shape,
            spec.NormEpsilon);
        y = graph.Norm(y, NormKind.Rms, weights.Vector(prefix + "ssm_norm", shape.HeadWidth), null, spec.NormEpsilon);
        return graph.Gate(others[0], y, Activation.Silu);
    }

    // LFM2: a gate before and a gate behind the convolution.
    private Value ShortConvolution(string prefix, Value x)
    {
        var products = graph.Linear(x, weights.Products(prefix, "shortconv.in_proj", spec.Width,
            ("shortconv.in_proj.b", spec.Width), ("shortconv.in_proj.c", spec.Width), ("shortconv.in_proj.x", spec.Width)));
        var kernel = Kernel(prefix + "shortconv.conv", spec.Width);
        return graph.Multiply(products[1], graph.ShortConvolution(graph.Multiply(products[0], products[2]), kernel, weights.BiasIfThere(prefix + "shortconv.conv", spec.Width)));
    }

    // Rows of one kernel for each of the inputs.
    private Value[] Convolved(string prefix, params ReadOnlySpan<Value> inputs)
    {
        var channels = 0;
        foreach (var input in inputs)
            channels += input.Width;
        var name = prefix + "ssm_conv1d";
        var (kernel, bias) = (Kernel(name, channels), weights.BiasIfThere(name, channels));
        var results = new Value[inputs.Length];
        var first = 0;
        for (var i = 0; i < inputs.Length; i++)
        {
            var (ownKernel, ownBias) = ModelWeights.Rows(kernel, bias, first, inputs[i].Width, $"{name}.{i}");
            results[i] = graph.Activate(graph.ShortConvolution(inputs[i], ownKernel, ownBias), Activation.Silu);
            first += inputs[i].Width;
        }

        return results;
    }

    private Weight Kernel(string name, int channels) => weights.Matrix(name, channels, weights.ColumnsOf(name));
}
