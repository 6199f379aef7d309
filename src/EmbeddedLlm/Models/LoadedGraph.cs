using System.Diagnostics.CodeAnalysis;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models;

/// <summary>A model file understood: what it is, and its forward pass.</summary>
/// <param name="Spec">Dimensions and choices.</param>
/// <param name="Graph">The forward pass; its weights point into the file, which must stay open.</param>
[Experimental("ELLM001")]
public sealed record LoadedGraph(ModelSpec Spec, ModelGraph Graph);
