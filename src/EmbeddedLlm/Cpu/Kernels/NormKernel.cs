using EmbeddedLlm.Cpu.Lanes;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Cpu.Kernels;

/// <summary>Normalises the first numbers of each run, see <see cref="Op.Norm"/>.</summary>
internal sealed unsafe class NormKernel<TLanes> : CpuKernel where TLanes : unmanaged, ILanes<TLanes>
{
    private readonly Activations _input;
    private readonly Activations _result;
    private readonly bool _centres;
    private readonly float _epsilon;
    private readonly int _length;
    private readonly int _run;
    private readonly int _gains;        // as many as runs of a row, or one
    private readonly AlignedMemory _memory;
    private readonly float* _gain;
    private readonly float* _bias;

    public NormKernel(Op.Norm op, Activations input, Activations result)
    {
        _input = input;
        _result = result;
        _centres = op.Kind == NormKind.Layer;
        _epsilon = op.Epsilon;
        _length = op.Gain.Columns;
        _run = op.RunWidth;
        _gains = op.Gain.Rows;
        _memory = new AlignedMemory((_gains + 1L) * _length * sizeof(float));
        _gain = (float*)_memory.Start;
        _bias = op.Bias is null ? null : _gain + (nint)_gains * _length;
        try
        {
            for (var row = 0; row < _gains; row++)
                op.Gain.DequantizeRow(row, new Span<float>(_gain + (nint)row * _length, _length));
            op.Bias?.DequantizeRow(0, new Span<float>(_bias, _length));
        }
        catch
        {
            _memory.Dispose();
            throw;
        }
    }

    public override void Run(int phase, CpuStep step, Worker worker)
    {
        var (start, end) = worker.Share(_input.RowsIn(step) * (_input.Width / _run));
        for (var run = start; run < end; run++)
        {
            float* x = _input.Data + (nint)run * _run, y = _result.Data + (nint)run * _run;
            Normalise(x, y, _gain + (nint)(run % _gains) * _length);
            new ReadOnlySpan<float>(x + _length, _run - _length).CopyTo(new Span<float>(y + _length, _run - _length));
        }
    }

    public override void Dispose()
    {
        base.Dispose();
        _memory.Dispose();
    }

    private void Normalise(float* x, float* y, float* gain)
    {
        var mean = _centres ? Sum(x, 0, squares: false) / _length : 0;
        var scale = 1 / MathF.Sqrt(Sum(x, mean, squares: true) / _length + _epsilon);
        var factor = TLanes.Fill(scale);
        var centre = TLanes.Fill(mean);

        var i = 0;
        for (; i <= _length - TLanes.Count; i += TLanes.Count)
        {
            var normal = (TLanes.Load(x + i) - centre) * factor * TLanes.Load(gain + i);
            (_bias is null ? normal : normal + TLanes.Load(_bias + i)).Store(y + i);
        }

        for (; i < _length; i++)
        {
            var normal = (x[i] - mean) * scale * gain[i];
            y[i] = _bias is null ? normal : normal + _bias[i];
        }
    }

    // Σ x, or Σ (x − mean)². Two registers of sums hide the latency of the addition.
    private float Sum(float* x, float mean, bool squares)
    {
        var centre = TLanes.Fill(mean);
        var even = TLanes.Fill(0);
        var odd = TLanes.Fill(0);
        var i = 0;
        if (squares)
        {
            for (; i <= _length - 2 * TLanes.Count; i += 2 * TLanes.Count)
            {
                var a = TLanes.Load(x + i) - centre;
                var b = TLanes.Load(x + i + TLanes.Count) - centre;
                even = TLanes.MultiplyAdd(a, a, even);
                odd = TLanes.MultiplyAdd(b, b, odd);
            }
        }
        else
        {
            for (; i <= _length - 2 * TLanes.Count; i += 2 * TLanes.Count)
            {
                even += TLanes.Load(x + i);
                odd += TLanes.Load(x + i + TLanes.Count);
            }
        }

        var sum = TLanes.Sum(even + odd);
        for (; i < _length; i++)
            sum += squares ? (x[i] - mean) * (x[i] - mean) : x[i];
        return sum;
    }
}
