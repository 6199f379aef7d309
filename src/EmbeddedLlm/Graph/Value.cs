namespace EmbeddedLlm.Graph;

/// <summary>An activation: a matrix [tokens × <paramref name="Width"/>]. The width is fixed when a model loads, the rows when a batch runs.</summary>
/// <param name="Id">Index of the value in its graph.</param>
/// <param name="Width">Numbers in a row.</param>
public readonly record struct Value(int Id, int Width);
