namespace EmbeddedLlm.Graph;

/// <summary>How a mixture of experts chooses and weighs.</summary>
/// <param name="Used">Experts per row.</param>
/// <param name="Activation">Between gate and up projection.</param>
/// <param name="NormalizeWeights">Whether the weights of the chosen experts (a softmax over all) are divided by their sum.</param>
/// <param name="WeightScale">Multiplies the weights.</param>
public sealed record ExpertsSpec(int Used, Activation Activation, bool NormalizeWeights, float WeightScale = 1);
