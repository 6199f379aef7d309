using System.Runtime.CompilerServices;

namespace EmbeddedLlm.Cpu.Lanes;

/// <summary>An activation function of one register; see <see cref="Graph.Activation"/> for the meanings.</summary>
internal interface IActivation
{
    static abstract T Invoke<T>(T x) where T : unmanaged, ILanes<T>;
}

/// <summary><c>x · sigmoid(x)</c>.</summary>
internal readonly struct Silu : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Invoke<T>(T x) where T : unmanaged, ILanes<T> => x / (T.Fill(1) + LaneMath.Exp(T.Fill(0) - x));
}

/// <summary>GELU by tanh. As <c>(1 + tanh u) / 2 = sigmoid(2u)</c>, it is <c>x · sigmoid(2 √(2/π) (x + 0.044715 x³))</c>.</summary>
internal readonly struct GeluTanh : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Invoke<T>(T x) where T : unmanaged, ILanes<T>
    {
        var inner = x * T.MultiplyAdd(T.Fill(0.044715f), x * x, T.Fill(1));
        return x / (T.Fill(1) + LaneMath.Exp(T.Fill(-1.5957691216f) * inner));
    }
}

/// <summary>GELU by the error function: <c>x/2 · (1 + erf(x/√2))</c>, with erf to 1.5e-7 by formula 7.1.26 of Abramowitz and Stegun.</summary>
internal readonly struct Gelu : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Invoke<T>(T x) where T : unmanaged, ILanes<T>
    {
        var z = T.Abs(x) * T.Fill(0.70710678f);
        var t = T.Fill(1) / T.MultiplyAdd(z, T.Fill(0.3275911f), T.Fill(1));
        var p = T.MultiplyAdd(t, T.Fill(1.061405429f), T.Fill(-1.453152027f));
        p = T.MultiplyAdd(p, t, T.Fill(1.421413741f));
        p = T.MultiplyAdd(p, t, T.Fill(-0.284496736f));
        p = T.MultiplyAdd(p, t, T.Fill(0.254829592f));

        // 1 − erf(|z|), the part of x/2 that is missing from max(x, 0) on both sides.
        var missing = p * t * LaneMath.Exp(T.Fill(0) - z * z);
        return T.Max(T.Fill(0), x) - T.Abs(x) * T.Fill(0.5f) * missing;
    }
}

/// <summary>GELU by a sigmoid: <c>x · sigmoid(1.702 x)</c>.</summary>
internal readonly struct GeluSigmoid : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Invoke<T>(T x) where T : unmanaged, ILanes<T> => x / (T.Fill(1) + LaneMath.Exp(T.Fill(-1.702f) * x));
}

/// <summary><c>1 / (1 + e^(−x))</c>.</summary>
internal readonly struct Sigmoid : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Invoke<T>(T x) where T : unmanaged, ILanes<T> => T.Fill(1) / (T.Fill(1) + LaneMath.Exp(T.Fill(0) - x));
}

/// <summary><c>max(x, 0)</c>.</summary>
internal readonly struct Relu : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Invoke<T>(T x) where T : unmanaged, ILanes<T> => T.Max(T.Fill(0), x);
}
