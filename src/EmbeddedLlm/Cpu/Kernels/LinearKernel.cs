using EmbeddedLlm.Cpu.Panels;
using EmbeddedLlm.Cpu.Tiers;

namespace EmbeddedLlm.Cpu.Kernels;

/// <summary>
/// Products of one input with several weights: <c>output = input · weightᵀ + bias</c> for each part.
/// Phase 0 packs the input, once for all parts; phase 1 multiplies the panels of all parts: most have their worker, the last are taken as workers come
/// free, so that a core which others use too does not hold up the rest.
/// </summary>
internal sealed unsafe class LinearKernel : CpuKernel
{
    private readonly Workspace _workspace;
    private readonly Activations _input;
    private readonly (PanelMatrix Weight, float[]? Bias, Activations Output)[] _parts;
    private readonly Packing _packing;
    private readonly int _panels;       // of all parts
    private readonly int _chunk;        // panels taken at a time
    private readonly int _chunked;      // panels that are taken in chunks; the others are shared out

    /// <summary>Packs the weights, in parallel.</summary>
    /// <param name="tier">The instruction set; <see cref="Tier.Best"/> outside tests.</param>
    /// <param name="workspace">Shared memory of the runner's kernels.</param>
    /// <param name="input">[rows × width].</param>
    /// <param name="parts">The products; their outputs have as many rows as the input.</param>
    /// <param name="maxRows">The most rows of one step.</param>
    /// <param name="keepInFile">Whether weights stay in the file, see <see cref="PanelMatrix"/>.</param>
    /// <exception cref="NotSupportedException">There is no panel for a weight's format.</exception>
    public LinearKernel(Tier tier, Workspace workspace, Activations input, ReadOnlySpan<LinearPart> parts, int maxRows, bool keepInFile = false)
    {
        _workspace = workspace;
        _input = input;
        _parts = new (PanelMatrix, float[]?, Activations)[parts.Length];
        try
        {
            for (var i = 0; i < parts.Length; i++)
            {
                var bias = parts[i].Bias?.ToFloats();
                _parts[i] = (new PanelMatrix(tier, parts[i].Weight, keepInFile), bias, parts[i].Output);
            }

            _packing = new Packing(tier.MaxColumns, maxRows, [.. _parts.Select(part => part.Weight)]);
            workspace.Reserve(_packing.Bytes);
            _panels = checked(_parts.Sum(part => part.Weight.Panels));
            _chunked = _panels / 4;
            _chunk = Math.Max(1, _panels / 64);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>What is multiplied.</summary>
    public Activations Input => _input;

    public override int Phases => 2;

    public override int ScratchBytes => _parts.Max(part => part.Weight.ScratchBytes);

    public override void Run(int phase, CpuStep step, Worker worker)
    {
        var rows = _input.RowsIn(step);
        if (phase == 0)
        {
            _packing.Pack(_workspace.Pointer, 0, _input, rows, null, worker);
            return;
        }

        var (start, end) = worker.Share(_panels - _chunked);
        Multiply(start, end, rows, worker);
        for (var chunk = worker.Next() * _chunk; chunk < _chunked; chunk = worker.Next() * _chunk)
            Multiply(_panels - _chunked + chunk, _panels - _chunked + Math.Min(chunk + _chunk, _chunked), rows, worker);
    }

    // Panels are counted through all parts.
    private void Multiply(int start, int end, int rows, Worker worker)
    {
        foreach (var (weight, bias, output) in _parts)
        {
            if (start < weight.Panels && end > 0)
                weight.Multiply(_packing.For(weight, _workspace.Pointer), rows, 0, Math.Max(start, 0), Math.Min(end, weight.Panels), bias, output.Data, worker.Scratch);
            start -= weight.Panels;
            end -= weight.Panels;
        }
    }

    public override void Dispose()
    {
        foreach (var (weight, _, _) in _parts)
            weight?.Dispose();      // none where packing an earlier one failed
        base.Dispose();
    }
}
