using System.Runtime.CompilerServices;
using EmbeddedLlm.Cpu.Lanes;

namespace EmbeddedLlm.Cpu.Kernels;

/// <summary><c>Out = operation(Left, Right)</c>, number by number. Out may stand in the memory of an input.</summary>
internal sealed unsafe class ElementwiseKernel<TLanes, TOperation>(Activations left, Activations right, Activations result, TOperation operation) : CpuKernel
    where TLanes : unmanaged, ILanes<TLanes>
    where TOperation : struct, IElementwise
{
    // Shares end at multiples of this, so that workers do not write to one cache line.
    private const int Unit = 32;

    public override void Run(int phase, CpuStep step, Worker worker)
    {
        var length = (long)result.RowsIn(step) * result.Width;
        var (start, end) = worker.Share(checked((int)((length + Unit - 1) / Unit)));
        var i = (nint)start * Unit;
        var stop = (nint)Math.Min((long)end * Unit, length);
        float* x = left.Data, y = right.Data, z = result.Data;

        for (; i <= stop - TLanes.Count; i += TLanes.Count)
            operation.Invoke(TLanes.Load(x + i), TLanes.Load(y + i)).Store(z + i);

        if (i < stop)
        {
            var rest = (int)(stop - i);
            LaneMath.StorePart(operation.Invoke(LaneMath.LoadPart<TLanes>(x + i, rest), LaneMath.LoadPart<TLanes>(y + i, rest)), z + i, rest);
        }
    }
}

/// <summary>A function of two numbers, lane by lane.</summary>
internal interface IElementwise
{
    T Invoke<T>(T left, T right) where T : unmanaged, ILanes<T>;
}

/// <summary><c>left + right</c>.</summary>
internal readonly struct Sum : IElementwise
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T left, T right) where T : unmanaged, ILanes<T> => left + right;
}

/// <summary><c>left · right</c>.</summary>
internal readonly struct Product : IElementwise
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T left, T right) where T : unmanaged, ILanes<T> => left * right;
}

/// <summary><c>left · factor</c>.</summary>
internal readonly struct Scaled(float factor) : IElementwise
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T left, T right) where T : unmanaged, ILanes<T> => left * T.Fill(factor);
}

/// <summary>Within ±limit; NaN stays.</summary>
internal readonly struct Bounded(float limit) : IElementwise
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T left, T right) where T : unmanaged, ILanes<T> => T.Max(T.Fill(-limit), T.Min(T.Fill(limit), left));
}

/// <summary><c>limit · tanh(left / limit)</c>.</summary>
internal readonly struct SmoothlyBounded(float limit) : IElementwise
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T left, T right) where T : unmanaged, ILanes<T> => LaneMath.Tanh(left * T.Fill(1 / limit)) * T.Fill(limit);
}

/// <summary><c>act(left)</c>.</summary>
internal readonly struct Activated<TActivation> : IElementwise where TActivation : struct, IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T left, T right) where T : unmanaged, ILanes<T> => TActivation.Invoke(left);
}

/// <summary><c>act(left) · right</c>.</summary>
internal readonly struct Gated<TActivation> : IElementwise where TActivation : struct, IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Invoke<T>(T left, T right) where T : unmanaged, ILanes<T> => TActivation.Invoke(left) * right;
}
