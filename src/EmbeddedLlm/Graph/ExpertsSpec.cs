namespace EmbeddedLlm.Graph;

/// <summary>How a mixture of experts chooses and weighs.</summary>
/// <param name="Used">Experts per row: those with the highest scores.</param>
/// <param name="Activation">Between gate and up projection.</param>
/// <param name="NormalizeWeights">Whether the weights of the chosen experts (their scores) are divided by their sum.</param>
/// <param name="WeightScale">Multiplies the weights.</param>
/// <param name="Scoring">How logits become scores.</param>
/// <param name="Limit">The gate is cut off above this before its activation, the up projection at ± this; 0 for neither.</param>
/// <param name="UpOffset">Added to the up projection, behind its limit.</param>
/// <param name="Groups">Groups of neighbouring experts, of one size; 1 for none.</param>
/// <param name="GroupsUsed">Only experts of so many groups are chosen from: of those with the highest sums of scores.</param>
/// <param name="GroupScores">Scores that make the sum of a group: so many of its highest.</param>
public sealed record ExpertsSpec(
    int Used,
    Activation Activation,
    bool NormalizeWeights,
    float WeightScale = 1,
    ExpertScoring Scoring = ExpertScoring.Softmax,
    float Limit = 0,
    float UpOffset = 0,
    int Groups = 1,
    int GroupsUsed = 1,
    int GroupScores = 1);
