using EmbeddedLlm.Cpu.Panels;
using EmbeddedLlm.Cpu.Tiers;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Cpu.Kernels;

/// <summary>
/// A product of its own for each head, see <see cref="Op.HeadLinear"/>. Phase 0 packs the heads, phase 1 multiplies, phase 2 brings the results together
/// with what is left of the heads.
/// </summary>
internal sealed unsafe class HeadLinearKernel : CpuKernel
{
    private readonly Workspace _workspace;
    private readonly Activations _input;
    private readonly Activations _output;
    private readonly PanelMatrix _weight;
    private readonly Packing _packing;
    private readonly int _heads;
    private readonly int _maxColumns;
    private readonly long _resultsAt;       // [heads × rows × weight rows]

    /// <summary>Packs the weight, in parallel.</summary>
    /// <param name="tier">The instruction set; <see cref="Tier.Best"/> outside tests.</param>
    /// <param name="workspace">Shared memory of the runner's kernels.</param>
    /// <param name="op">The weight.</param>
    /// <param name="input">[rows × op.In.Width].</param>
    /// <param name="output">[rows × op.Out.Width].</param>
    /// <param name="maxRows">The most rows of one step.</param>
    /// <param name="keepInFile">Whether the weight stays in the file, see <see cref="PanelMatrix"/>.</param>
    /// <exception cref="NotSupportedException">There is no panel for the weight's format.</exception>
    public HeadLinearKernel(Tier tier, Workspace workspace, Op.HeadLinear op, Activations input, Activations output, int maxRows, bool keepInFile = false)
    {
        _workspace = workspace;
        _input = input;
        _output = output;
        _heads = op.Weight.Experts;
        _maxColumns = tier.MaxColumns;
        _weight = new PanelMatrix(tier, op.Weight, keepInFile);
        try
        {
            var places = (int)GraphMemory.CountNumbers(_heads, PlacesOf(maxRows));
            _ = GraphMemory.CountNumbers(_heads, _weight.Panels);
            _packing = new Packing(_maxColumns, places, _weight);
            _resultsAt = (_packing.Bytes + 63) / 64 * 64;
            workspace.Reserve(checked(_resultsAt + GraphMemory.CountNumbers(_weight.Rows, checked(maxRows * _heads)) * sizeof(float)));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public override int Phases => 3;

    public override int ScratchBytes => _weight.ScratchBytes;

    public override void Run(int phase, CpuStep step, Worker worker)
    {
        var rows = _input.RowsIn(step);
        switch (phase)
        {
            case 0:
                for (var head = 0; head < _heads; head++)
                {
                    var part = new Activations(_input.Data + head * (_input.Width / _heads), _weight.Width, stride: _input.Width);
                    _packing.Pack(_workspace.Pointer, head * PlacesOf(rows), part, rows, null, worker);
                }

                break;
            case 1:
                Multiply(rows, worker);
                break;
            default:
                Join(rows, worker);
                break;
        }
    }

    public override void Dispose()
    {
        _weight.Dispose();
        base.Dispose();
    }

    // Packed rows of each head begin a tile of their own.
    private int PlacesOf(int rows) => checked(rows + _maxColumns - 1) / _maxColumns * _maxColumns;

    private float* ResultsOf(int head, int rows) => (float*)(_workspace.Pointer + _resultsAt) + (nint)head * rows * _weight.Rows;

    // Panels are counted through all heads.
    private void Multiply(int rows, Worker worker)
    {
        var (start, end) = worker.Share(_heads * _weight.Panels);
        while (start < end)
        {
            var (head, first) = (start / _weight.Panels, start % _weight.Panels);
            var last = Math.Min(_weight.Panels, first + end - start);
            var columns = _packing.For(_weight, _workspace.Pointer, head * PlacesOf(rows));
            _weight.Multiply(columns, rows, head, first, last, default, ResultsOf(head, rows), worker.Scratch);
            start += last - first;
        }
    }

    private void Join(int rows, Worker worker)
    {
        var (inWidth, outWidth, length) = (_input.Width / _heads, _output.Width / _heads, _weight.Rows);
        var (start, end) = worker.Share(rows * _heads);
        for (var unit = start; unit < end; unit++)
        {
            var (row, head) = (unit / _heads, unit % _heads);
            var target = _output.Row(row) + head * outWidth;
            new ReadOnlySpan<float>(ResultsOf(head, rows) + (nint)row * length, length).CopyTo(new Span<float>(target, length));
            new ReadOnlySpan<float>(_input.Row(row) + head * inWidth + _weight.Width, outWidth - length).CopyTo(new Span<float>(target + length, outWidth - length));
        }
    }
}
