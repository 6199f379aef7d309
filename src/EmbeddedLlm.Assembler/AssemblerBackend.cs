using System.Diagnostics.CodeAnalysis;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Cpu;
using EmbeddedLlm.Cpu.Panels;
using EmbeddedLlm.Cpu.Tiers;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Assembler;

/// <summary>
/// The CPU backend with products of quantized weights in machine code that is assembled when a model is loaded, for x64 processors with AVX-512 VNNI. It is
/// preferred over the CPU backend, and declines where it cannot run or gains nothing.
/// </summary>
[Experimental("ELLM001")]
public sealed class AssemblerBackend : IBackend
{
    private readonly Func<Tier> _tier;

    /// <summary>Assembles nothing yet.</summary>
    public AssemblerBackend() : this(VnniTier.Create)
    {
    }

    /// <summary>The same with a tier of tests.</summary>
    internal AssemblerBackend(Func<Tier> tier) => _tier = tier;

    /// <summary>The instruction set of assembled products.</summary>
    public static string InstructionSet => VnniTier.InstructionSet;

    /// <inheritdoc/>
    public string Name => "assembler";

    /// <summary>Multiply-adds per second, of all threads together, for weights of <paramref name="format"/> that stay in the cache. Takes about half a second.</summary>
    /// <param name="format">The format of the weights.</param>
    /// <param name="threads">Threads that multiply at the same time; 0 for one per processor core.</param>
    /// <exception cref="NotSupportedException">The processor or the operating system refuses, or there is no product for this format.</exception>
    public static double MeasurePeak(BlockFormat format, int threads = 0) => MultiplyPeak.Measure(VnniTier.Create(), format, threads);

    /// <inheritdoc/>
    public BackendOffer Offer(ModelGraph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        try
        {
            var tier = _tier();
            return (CpuCompiler.WhyNot(graph, tier) ?? WhyNoGain(graph)) is { } reason
                ? Decline(reason)
                : new BackendOffer(true, 1, $"{CpuBackend.Cores} processor cores, {tier.Name}.");
        }
        catch (NotSupportedException exception)
        {
            return Decline(exception.Message);
        }

        static BackendOffer Decline(string reason) => new(false, 0, reason);
    }

    /// <inheritdoc/>
    /// <exception cref="UnsupportedModelException">The processor or the operating system refuses; or the graph has an op or a weight format that this backend does not know.</exception>
    /// <exception cref="ModelFormatException">A weight that is multiplied has a number or a scale that is not finite; the message names tensor and row.</exception>
    /// <exception cref="LlmException">There is not enough memory.</exception>
    public IModelRunner Load(ModelGraph graph, RunnerOptions options)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(options);
        try
        {
            return CpuBackend.Load(graph, options, _tier());
        }
        catch (NotSupportedException exception)
        {
            throw new UnsupportedModelException($"The backend '{Name}' cannot run here. {exception.Message}", exception);
        }
    }

    // What has no assembled product is multiplied as the CPU backend does, in smaller tiles.
    private static string? WhyNoGain(ModelGraph graph)
    {
        var weights = graph.Ops.SelectMany(CpuCompiler.Packed).ToList();
        return 2 * weights.Where(weight => VnniTier.Assembles(PanelShape.Of(weight.Format))).Sum(weight => weight.Bytes) > weights.Sum(weight => weight.Bytes)
            ? null
            : "Most weights of this model are not quantized, or in a format whose products are not assembled.";
    }
}
