using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Cpu.Kernels;

/// <summary>Dequantizes the row of the table at each token's position.</summary>
internal sealed unsafe class EmbedPositionsKernel(Weight table, Activations result) : CpuKernel
{
    public override void Run(int phase, CpuStep step, Worker worker)
    {
        var (start, end) = worker.Share(step.Rows);
        for (var row = start; row < end; row++)
            table.DequantizeRow(step.Positions[row], new Span<float>(result.Row(row), result.Width));
    }
}
