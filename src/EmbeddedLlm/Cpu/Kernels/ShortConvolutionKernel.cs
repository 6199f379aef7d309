using EmbeddedLlm.Backends;
using EmbeddedLlm.Cpu.Lanes;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Cpu.Kernels;

/// <summary>
/// A causal convolution of each channel: <c>Out[t] = Bias + Σ Kernel[j] · In[t − (k − 1) + j]</c>. Workers share the channels out; each goes through all rows,
/// so no worker waits for another's rows.
/// </summary>
internal sealed unsafe class ShortConvolutionKernel<TLanes> : CpuKernel where TLanes : unmanaged, ILanes<TLanes>
{
    // Channels that one worker does at least: the widest register, a cache line.
    private const int Unit = 16;

    private readonly StateMemory _states;
    private readonly Activations _input;
    private readonly Activations _result;
    private readonly int _layer;
    private readonly int _reach;
    private readonly int _stride;
    private readonly AlignedMemory _memory;
    private readonly float* _kernel;        // [reach × stride]
    private readonly float* _bias;          // [stride]

    public ShortConvolutionKernel(Op.ShortConvolution op, StateMemory states, Activations input, Activations result)
    {
        (_states, _input, _result, _layer) = (states, input, result, op.Layer);
        _reach = op.Kernel.Columns;
        _stride = StateMemory.StrideOf(input.Width);
        _memory = new AlignedMemory((_reach + 1L) * _stride * sizeof(float));
        _kernel = (float*)_memory.Start;
        _bias = _kernel + (nint)_reach * _stride;
        try
        {
            new Span<byte>(_memory.Start, checked((int)_memory.Bytes)).Clear();
            var row = new float[_reach];
            for (var channel = 0; channel < input.Width; channel++)
            {
                op.Kernel.DequantizeRow(channel, row);
                for (var j = 0; j < _reach; j++)
                    _kernel[(nint)j * _stride + channel] = row[j];
            }

            op.Bias?.DequantizeRow(0, new Span<float>(_bias, input.Width));
        }
        catch
        {
            _memory.Dispose();
            throw;
        }
    }

    public override void Run(int phase, CpuStep step, Worker worker)
    {
        var (start, end) = worker.Share((_input.Width + Unit - 1) / Unit);
        if (start == end)
            return;
        var first = start * Unit;
        var count = Math.Min(end * Unit, _input.Width) - first;
        var firstRow = 0;
        for (var slice = 0; slice < step.SliceCount; slice++)
        {
            ref readonly var own = ref step.Slices[slice];
            var state = _states.Begin(_layer, own, 0, _reach - 1, first, count);
            for (var channel = 0; channel < count; channel += TLanes.Count)
                Convolve(state + channel, first + channel, Math.Min(TLanes.Count, count - channel), firstRow, own.Rows);
            firstRow += own.Rows;
        }
    }

    public override void Dispose()
    {
        base.Dispose();
        _memory.Dispose();
    }

    // Row i of the state and the input laid behind each other: first k − 1 rows that came before, then those of the slice.
    private void Convolve(float* state, int channel, int count, int firstRow, int rows)
    {
        for (var row = 0; row < rows; row++)
        {
            var sum = TLanes.Load(_bias + channel);
            for (var j = 0; j < _reach; j++)
                sum = TLanes.MultiplyAdd(TLanes.Load(_kernel + (nint)j * _stride + channel), Read(state, channel, count, firstRow, row + j), sum);
            Store(sum, _result.Row(firstRow + row) + channel, count);
        }

        for (var i = 0; i < _reach - 1; i++)
            Store(Read(state, channel, count, firstRow, rows + i), state + (nint)i * _stride, count);
    }

    private TLanes Read(float* state, int channel, int count, int firstRow, int i)
    {
        var source = i < _reach - 1 ? state + (nint)i * _stride : _input.Row(firstRow + i - (_reach - 1)) + channel;
        return count == TLanes.Count ? TLanes.Load(source) : LaneMath.LoadPart<TLanes>(source, count);
    }

    private static void Store(TLanes value, float* target, int count)
    {
        if (count == TLanes.Count)
            value.Store(target);
        else
            LaneMath.StorePart(value, target, count);
    }
}
