using EmbeddedLlm.Backends;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Cli.Bench;

/// <summary>What a forward pass must read and multiply, by its graph.</summary>
/// <param name="DecodeBytes">Bytes of weights that one step reads, in the file's formats.</param>
/// <param name="KvBytesPerPosition">Bytes of K and V that one row reads for each position before it.</param>
/// <param name="MacsPerToken">Multiply-adds with weights per token, without the output matrix.</param>
internal sealed record ModelCost(long DecodeBytes, long KvBytesPerPosition, long MacsPerToken)
{
    public static ModelCost Of(ModelGraph graph, KvType kvType)
    {
        long bytes = 0, macs = 0;
        var picked = false;
        foreach (var op in graph.Ops)
        {
            switch (op)
            {
                case Op.PickRows:
                    picked = true;
                    break;
                case Op.Linear linear:
                    foreach (var weight in linear.Projections.Select(p => p.Weight))
                    {
                        bytes += weight.Bytes;
                        macs += picked ? 0 : (long)weight.Rows * weight.Columns;
                    }

                    break;
                case Op.HeadLinear linear:
                    bytes += linear.Weight.Bytes;
                    macs += picked ? 0 : (long)linear.Weight.Rows * linear.Weight.Columns * linear.Weight.Experts;
                    break;
                case Op.Experts experts:
                    foreach (var weight in (ReadOnlySpan<Weight>)[experts.GateProjection, experts.UpProjection, experts.DownProjection])
                    {
                        bytes += weight.Bytes / weight.Experts * experts.Spec.Used;
                        macs += (long)weight.Rows * weight.Columns * experts.Spec.Used;
                    }

                    break;
            }
        }

        var kvBytes = graph.KvLayers.Sum(layer => kvType.BytesPerPosition(layer));
        return new ModelCost(bytes, kvBytes, macs);
    }
}
