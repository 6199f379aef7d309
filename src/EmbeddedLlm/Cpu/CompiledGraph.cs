using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Cpu;

/// <summary>What <see cref="CpuCompiler"/> makes of a graph: kernels, and the memory that they are bound to.</summary>
/// <param name="kernels">The steps, in order.</param>
/// <param name="memory">What the kernels work in.</param>
/// <param name="logits">The result: [output rows × width].</param>
/// <param name="vocabulary">Tokens are below this.</param>
/// <param name="positions">Positions are below this.</param>
/// <param name="needsWholeTexts">See <see cref="ModelGraph.NeedsWholeTexts"/>.</param>
internal sealed class CompiledGraph(CpuKernel[] kernels, GraphMemory memory, Activations logits, int vocabulary, int positions, bool needsWholeTexts) : IDisposable
{
    /// <summary>The steps, in order.</summary>
    public CpuKernel[] Kernels { get; } = kernels;

    /// <summary>The result: [output rows × width].</summary>
    public Activations Logits { get; } = logits;

    /// <summary>Tokens are below this.</summary>
    public int Vocabulary { get; } = vocabulary;

    /// <summary>Positions are below this: the rows of a table of positions.</summary>
    public int Positions { get; } = positions;

    /// <summary>See <see cref="ModelGraph.NeedsWholeTexts"/>.</summary>
    public bool NeedsWholeTexts { get; } = needsWholeTexts;

    /// <summary>The cache.</summary>
    public KvMemory Kv { get; } = memory.Kv;

    /// <summary>The states of recurrent steps.</summary>
    public StateMemory States { get; } = memory.States;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var kernel in Kernels)
            kernel.Dispose();
        memory.Dispose();
    }
}
