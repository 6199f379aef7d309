namespace EmbeddedLlm.Graph;

/// <summary>A function of one number.</summary>
public enum Activation
{
    /// <summary><c>x · sigmoid(x)</c>.</summary>
    Silu,

    /// <summary>GELU in its tanh form: <c>x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³)))</c>.</summary>
    GeluTanh,

    /// <summary>GELU with the exact error function.</summary>
    Gelu,

    /// <summary><c>max(x, 0)</c>.</summary>
    Relu,

    /// <summary><c>1 / (1 + e^(−x))</c>.</summary>
    Sigmoid,

    /// <summary>GELU by a sigmoid: <c>x · sigmoid(1.702 x)</c>.</summary>
    GeluSigmoid,
}
