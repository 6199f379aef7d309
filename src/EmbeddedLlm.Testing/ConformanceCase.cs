namespace EmbeddedLlm.Testing;

/// <summary>One check of a backend against the reference.</summary>
/// <param name="Name">Op, format and shape, such as <c>linear/Q4_K/256x33</c>; the same from run to run.</param>
/// <param name="Run">
/// Runs the check. Returns null where the backend agrees, and the backend's own reason where it declined the graph, to be reported and not to be
/// passed over. Throws <see cref="ConformanceException"/> where the results differ.
/// </param>
public sealed record ConformanceCase(string Name, Func<string?> Run)
{
    /// <inheritdoc/>
    public override string ToString() => Name;
}
