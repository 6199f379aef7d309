using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Cpu.Kernels;

/// <summary>One product of a <see cref="LinearKernel"/>.</summary>
/// <param name="weight">[width × input width].</param>
/// <param name="bias">[1 × width], or none.</param>
/// <param name="output">[rows × weight rows].</param>
internal readonly struct LinearPart(Weight weight, Weight? bias, Activations output)
{
    public Weight Weight { get; } = weight;

    public Weight? Bias { get; } = bias;

    public Activations Output { get; } = output;
}
