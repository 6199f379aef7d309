using System.Diagnostics.CodeAnalysis;

namespace EmbeddedLlm.Graph;

/// <summary>Memory that several values share, one after the other.</summary>
/// <param name="Width">Numbers per row of the widest of them.</param>
/// <param name="IsPicked">Whether its values have only the rows behind <see cref="Op.PickRows"/>, at most the runner's output rows, instead of all rows of a batch.</param>
[Experimental("ELLM001")]
public readonly record struct PlannedBuffer(int Width, bool IsPicked);
