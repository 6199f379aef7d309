using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace EmbeddedLlm.Graph;

/// <summary>A graph as text: one line per op with its weights, inputs and results.</summary>
[Experimental("ELLM001")]
public static class GraphPrinter
{
    /// <summary>Writes <paramref name="graph"/> line by line. <c>v3[64]</c> is value 3 with 64 numbers per row; <c>b1</c> its buffer.</summary>
    public static string Print(ModelGraph graph)
    {
        var plan = MemoryPlan.For(graph);
        var text = new StringBuilder();
        for (var i = 0; i < graph.Ops.Length; i++)
        {
            var op = graph.Ops[i];
            var inputs = string.Join(' ', op.Inputs.Select(value => $"v{value.Id}"));
            var outputs = string.Join(' ', op.Outputs.Select(value => $"v{value.Id}[{value.Width}]:b{plan.BufferOf(value)}"));
            text.AppendLine($"{i,4}  {op.GetType().Name,-9}  {inputs,-14} -> {outputs,-28}  {Details(op)}".TrimEnd());
        }

        text.AppendLine();
        for (var i = 0; i < plan.Buffers.Length; i++)
            text.AppendLine($"  b{i}  {plan.Buffers[i].Width} per {(plan.Buffers[i].IsPicked ? "output row" : "row")}");
        text.AppendLine($"  logits v{graph.Logits.Id}, {graph.KvLayers.Length} KV layers of {KvWidths(graph)} numbers per position, {(graph.StateLayers.IsEmpty ? "" : $"{graph.StateLayers.Length} states of {graph.StateLayers.Sum(layer => (long)layer.Rows * layer.Columns)} numbers per sequence, ")}{graph.Sites.Length} adapter sites");
        return text.ToString();
    }

    private static string KvWidths(ModelGraph graph) =>
        string.Join(", ", graph.KvLayers.Distinct().Select(layer => $"{layer.Heads * layer.HeadWidth} + {layer.Heads * layer.ValueWidth}"));

    private static string Details(Op op) => op switch
    {
        Op.Embed embed => Describe(embed.Table),
        Op.Linear linear => string.Join(", ", linear.Projections.Select(projection => Describe(projection.Weight) + (projection.Bias is null ? "" : " + bias"))),
        Op.HeadLinear linear => Describe(linear.Weight),
        Op.Norm norm => $"{norm.Kind} {norm.Gain.Name}{(norm.Bias is null ? "" : " + bias")} over {norm.Gain.Columns}{(norm.RunWidth == norm.Gain.Columns ? "" : $" of {norm.RunWidth}")}, epsilon {Text(norm.Epsilon)}",
        Op.Rope rope => $"{rope.Spec.Pairing}, {rope.Spec.Width} of {rope.HeadWidth}{(rope.Start == 0 ? "" : $" from {rope.Start} on")}, magnitude {Text(rope.Spec.Magnitude)}",
        Op.Attention attention => Describe(attention.Spec, attention.Layer) + (attention.K is null ? ", as it is" : attention.V is null ? ", values in keys" : "") + (attention.Sinks is null ? "" : ", sinks"),
        Op.Gate gate => gate.Kind.ToString(),
        Op.Activate activate => activate.Kind.ToString(),
        Op.RowGate gate => gate.Kind.ToString(),
        Op.Bound bound => $"{(bound.IsSmooth ? "smoothly " : "")}to {Text(bound.Limit)}",
        Op.EmbedPositions embed => Describe(embed.Table),
        Op.AddVector add => $"{add.Vector.Name} {add.Vector.Format}",
        Op.Part part => $"{part.First} … {part.First + part.Count - 1} of each {part.Run}",
        Op.ShortConvolution convolution => $"state {convolution.Layer}, {Describe(convolution.Kernel)}{(convolution.Bias is null ? "" : " + bias")}",
        Op.StateSpace space => Describe(space.Spec, space.Layer),
        Op.GatedDelta delta => Describe(delta.Spec, delta.Layer),
        Op.Scale scale => $"by {Text(scale.Factor)}",
        Op.Experts experts => $"{experts.Spec.Used} of {experts.Router.Rows}{Groups(experts.Spec)} by {experts.Spec.Scoring}, {experts.Spec.Activation}{(experts.Spec.Limit > 0 ? $" to {Text(experts.Spec.Limit)}" : "")}, {Describe(experts.GateProjection)}, {Describe(experts.UpProjection)}, {Describe(experts.DownProjection)}",
        _ => "",
    };

    private static string Groups(ExpertsSpec spec) => spec.Groups == 1 ? "" : $" in {spec.GroupsUsed} of {spec.Groups} groups";

    private static string Describe(Weight weight) =>
        $"{weight.Name} {weight.Format} {(weight.Experts == 1 ? "" : $"{weight.Experts}×")}{weight.Rows}×{weight.Columns}";

    private static string Describe(RecurrenceSpec spec, int layer) =>
        $"state {layer}, {spec.Heads} heads of {spec.HeadWidth}, {spec.Groups} groups of {spec.StateWidth}";

    private static string Describe(AttentionSpec spec, int layer)
    {
        var text = $"layer {layer}, {spec.Heads} heads of {spec.HeadWidth} over {spec.KvHeads}, scale {Text(spec.Scale)}";
        if (!spec.IsCausal)
            text += ", both ways";
        if (spec.Window > 0)
            text += $", window {spec.Window}";
        if (spec.SoftCap > 0)
            text += $", soft cap {Text(spec.SoftCap)}";
        if (spec.AlibiBias > 0)
            text += $", ALiBi {Text(spec.AlibiBias)}";
        if (spec.TemperatureScale != 0)
            text += $", temperature {Text(spec.TemperatureScale)} per {spec.TemperatureLength}";
        return text;
    }

    private static string Text(float number) => number.ToString(CultureInfo.InvariantCulture);
}
