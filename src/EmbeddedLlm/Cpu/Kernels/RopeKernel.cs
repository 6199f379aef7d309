using EmbeddedLlm.Cpu.Lanes;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Cpu.Kernels;

/// <summary>Turns the pairs of each head: <c>(a, b) → (a·cos − b·sin, b·cos + a·sin)</c>. Out may stand in the memory of In.</summary>
internal sealed unsafe class RopeKernel<TLanes>(Op.Rope op, RopeTableKernel table, Activations input, Activations result) : CpuKernel
    where TLanes : unmanaged, ILanes<TLanes>
{
    private readonly int _heads = input.Width / op.HeadWidth;
    private readonly int _turned = op.Spec.Width;

    public override void Run(int phase, CpuStep step, Worker worker)
    {
        var (start, end) = worker.Share(step.Rows * _heads);
        for (var unit = start; unit < end; unit++)
        {
            var cosines = table.Row(unit / _heads);
            var x = input.Data + (nint)unit * op.HeadWidth;
            var y = result.Data + (nint)unit * op.HeadWidth;
            if (x != y && _turned < op.HeadWidth)
                new ReadOnlySpan<float>(x, op.HeadWidth).CopyTo(new Span<float>(y, op.HeadWidth));
            x += op.Start;
            y += op.Start;
            if (op.Spec.Pairing == RopePairing.Adjacent)
                TurnNeighbours(x, y, cosines, cosines + table.Width, _turned);
            else
                TurnHalves(x, y, cosines, cosines + table.Width, _turned / 2);
        }
    }

    // The sines stand as −sin, +sin.
    private static void TurnNeighbours(float* x, float* y, float* cosines, float* sines, int length)
    {
        var i = 0;
        for (; i <= length - TLanes.Count; i += TLanes.Count)
        {
            var pairs = TLanes.Load(x + i);
            TLanes.MultiplyAdd(pairs, TLanes.Load(cosines + i), TLanes.SwapPairs(pairs) * TLanes.Load(sines + i)).Store(y + i);
        }

        for (; i < length; i += 2)
        {
            var (a, b) = (x[i], x[i + 1]);
            y[i] = a * cosines[i] + b * sines[i];
            y[i + 1] = b * cosines[i] + a * sines[i + 1];
        }
    }

    private static void TurnHalves(float* x, float* y, float* cosines, float* sines, int pairs)
    {
        var i = 0;
        for (; i <= pairs - TLanes.Count; i += TLanes.Count)
        {
            var a = TLanes.Load(x + i);
            var b = TLanes.Load(x + pairs + i);
            var cosine = TLanes.Load(cosines + i);
            var sine = TLanes.Load(sines + i);
            (a * cosine - b * sine).Store(y + i);
            (b * cosine + a * sine).Store(y + pairs + i);
        }

        for (; i < pairs; i++)
        {
            var (a, b) = (x[i], x[pairs + i]);
            y[i] = a * cosines[i] - b * sines[i];
            y[pairs + i] = b * cosines[i] + a * sines[i];
        }
    }
}
