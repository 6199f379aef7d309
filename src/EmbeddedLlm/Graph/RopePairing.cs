namespace EmbeddedLlm.Graph;

/// <summary>Which two numbers of a head are turned together.</summary>
public enum RopePairing
{
    /// <summary>Neighbours: (0, 1), (2, 3), … as in LLaMA files.</summary>
    Adjacent,

    /// <summary>Halves: (0, n/2), (1, n/2 + 1), … as in GPT-NeoX and Qwen.</summary>
    Halves,
}
