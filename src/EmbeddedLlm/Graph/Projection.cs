namespace EmbeddedLlm.Graph;

/// <summary>One product of a <see cref="Op.Linear"/>: <c>Out = In · Weightᵀ + Bias</c>.</summary>
/// <param name="Weight">[Out.Width × In.Width].</param>
/// <param name="Bias">[1 × Out.Width], or none.</param>
/// <param name="Site">Index into <see cref="ModelGraph.Sites"/>: where an adapter may join.</param>
/// <param name="Out">The result.</param>
public sealed record Projection(Weight Weight, Weight? Bias, int Site, Value Out);
