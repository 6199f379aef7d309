using EmbeddedLlm.Backends;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Testing;

/// <summary>
/// The meaning of every op: scalar code, sums in double precision, weights dequantized exactly and never packed. Everything else is held against it,
/// so it is kept plain and never made faster.
/// </summary>
public sealed class ReferenceBackend : IBackend
{
    /// <inheritdoc/>
    public string Name => "reference";

    /// <inheritdoc/>
    public BackendOffer Offer(ModelGraph graph) => new(true, -1, "Runs every op, slowly.");

    /// <inheritdoc/>
    public IModelRunner Load(ModelGraph graph, RunnerOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.KvBlocks, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.KvBlockTokens, 1);
        return new ReferenceRunner(graph, options);
    }
}
