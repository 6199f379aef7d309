using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Cpu.Kernels;

/// <summary>Dequantizes the row of the table that each token names.</summary>
internal sealed unsafe class EmbedKernel(Weight table, Activations result) : CpuKernel
{
    public override void Run(int phase, CpuStep step, Worker worker)
    {
        var (start, end) = worker.Share(step.Rows);
        for (var row = start; row < end; row++)
            table.DequantizeRow(step.Tokens[row], new Span<float>(result.Row(row), result.Width));
    }
}
