namespace EmbeddedLlm.Graph;

/// <summary>How the logits of a router become the scores of experts.</summary>
public enum ExpertScoring
{
    /// <summary>Softmax over all experts.</summary>
    Softmax,

    /// <summary>A sigmoid of each by itself.</summary>
    Sigmoid,
}
