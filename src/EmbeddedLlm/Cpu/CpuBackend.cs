using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Cpu.Tiers;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Cpu;

/// <summary>Runs models on the processor, in managed code. Always there; other backends that can run a model are preferred.</summary>
[Experimental("ELLM001")]
public sealed class CpuBackend : IBackend
{
    /// <summary>The instruction set that multiplies on this machine, such as <c>AVX-512</c>.</summary>
    public static string InstructionSet => Tier.Best.Name;

    /// <summary>The physical cores that this process may use, by its affinity and CPU quota: the threads of a runner that is not told how many.</summary>
    public static int Cores => ProcessorCores.Count;

    /// <inheritdoc/>
    public string Name => "cpu";

    /// <inheritdoc/>
    public BackendOffer Offer(ModelGraph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        return CpuCompiler.WhyNot(graph, Tier.Best) is { } reason
            ? new BackendOffer(false, 0, reason)
            : new BackendOffer(true, 0, $"{Cores} processor cores, {InstructionSet}.");
    }

    /// <inheritdoc/>
    /// <exception cref="UnsupportedModelException">The graph has an op or a weight format that this backend does not know; the message names it. Or it is too large to count.</exception>
    /// <exception cref="ModelFormatException">A weight that is multiplied has a number or a scale that is not finite; the message names tensor and row.</exception>
    /// <exception cref="LlmException">There is not enough memory.</exception>
    public IModelRunner Load(ModelGraph graph, RunnerOptions options) => Load(graph, options, Tier.Best);

    /// <summary>The same with the products of <paramref name="tier"/>.</summary>
    internal static CpuRunner Load(ModelGraph graph, RunnerOptions options, Tier tier) => Load(graph, options, tier, null);

    /// <summary>The same with a list of kernels that <paramref name="walked"/> makes of the compiled ones, such as with observers between them.</summary>
    internal static CpuRunner Load(ModelGraph graph, RunnerOptions options, Func<CpuKernel[], CpuKernel[]> walked) => Load(graph, options, Tier.Best, walked);

    private static CpuRunner Load(ModelGraph graph, RunnerOptions options, Tier tier, Func<CpuKernel[], CpuKernel[]>? walked)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(options);
        try
        {
            return new CpuRunner(graph, options, tier: tier, walked: walked);
        }
        catch (OverflowException exception)
        {
            throw new UnsupportedModelException("The model has sizes that the CPU backend cannot count.", exception);
        }
        catch (OutOfMemoryException exception)
        {
            throw new LlmException(Shortage(graph, options), exception);
        }
    }

    private static string Shortage(ModelGraph graph, RunnerOptions options)
    {
        var weights = options.KeepWeightsInFile ? 0 : graph.Ops.SelectMany(CpuCompiler.Packed).Sum(weight => weight.Bytes);
        var cache = (double)options.KvBlocks * options.KvBlockTokens * graph.KvLayers.Sum(layer => options.KvType.BytesPerPosition(layer));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"There is not enough memory: packed weights take {weights:N0} bytes, the KV cache {cache:N0}, this process may use {GC.GetGCMemoryInfo().TotalAvailableMemoryBytes:N0}.");
    }
}
