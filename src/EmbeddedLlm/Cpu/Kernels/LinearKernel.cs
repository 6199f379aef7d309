using EmbeddedLlm.Cpu.Panels;
using EmbeddedLlm.Cpu.Tiers;

namespace EmbeddedLlm.Cpu.Kernels;

/// <summary>
/// Products of one input with several weights: <c>output = input · weightᵀ + bias</c> for each part.
/// Phase 0 packs the input, once for all parts; phase 1 multiplies, each worker its share of the panels of every part.
/// </summary>
internal sealed unsafe class LinearKernel : CpuKernel
{
    private readonly Workspace _workspace;
    private readonly Activations _input;
    private readonly (PanelMatrix Weight, float[]? Bias, Activations Output)[] _parts;
    private readonly Packing _packing;

    /// <summary>Packs the weights, in parallel.</summary>
    /// <param name="tier">The instruction set; <see cref="Tier.Best"/> outside tests.</param>
    /// <param name="workspace">Shared memory of the runner's kernels.</param>
    /// <param name="input">[rows × width].</param>
    /// <param name="parts">The products; their outputs have as many rows as the input.</param>
    /// <param name="maxRows">The most rows of one step.</param>
    /// <exception cref="NotSupportedException">There is no panel for a weight's format.</exception>
    public LinearKernel(Tier tier, Workspace workspace, Activations input, ReadOnlySpan<LinearPart> parts, int maxRows)
    {
        _workspace = workspace;
        _input = input;
        _parts = new (PanelMatrix, float[]?, Activations)[parts.Length];
        try
        {
            for (var i = 0; i < parts.Length; i++)
            {
                var bias = parts[i].Bias?.ToFloats();
                _parts[i] = (new PanelMatrix(tier, parts[i].Weight), bias, parts[i].Output);
            }

            _packing = new Packing(tier.MaxColumns, maxRows, [.. _parts.Select(part => part.Weight)]);
            workspace.Reserve(_packing.Bytes);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public override int Phases => 2;

    public override int ScratchBytes => PanelMatrix.ScratchBytes;

    public override void Run(int phase, CpuStep step, Worker worker)
    {
        var rows = _input.RowsIn(step);
        var packed = _workspace.Pointer;
        if (phase == 0)
        {
            _packing.Pack(packed, 0, _input, rows, null, worker);
            return;
        }

        foreach (var (weight, bias, output) in _parts)
        {
            var (start, end) = worker.Share(weight.Panels);
            weight.Multiply(_packing.For(weight, packed), rows, 0, start, end, bias, output.Data, (float*)worker.Scratch);
        }
    }

    public override void Dispose()
    {
        foreach (var (weight, _, _) in _parts)
            weight?.Dispose();      // none where packing an earlier one failed
        base.Dispose();
    }
}
