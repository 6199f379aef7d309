namespace EmbeddedLlm.Graph;

/// <summary>What is added within a mixture of experts; each may be missing.</summary>
/// <param name="Router">[1 × experts] joins the router's logits.</param>
/// <param name="Gate">[experts × hidden].</param>
/// <param name="Up">[experts × hidden].</param>
/// <param name="Down">[experts × width]; weighed as the expert's result is.</param>
/// <param name="Choice">[1 × experts] joins the scores by which experts are chosen, not those they are weighed by.</param>
public sealed record ExpertBiases(Weight? Router = null, Weight? Gate = null, Weight? Up = null, Weight? Down = null, Weight? Choice = null);
