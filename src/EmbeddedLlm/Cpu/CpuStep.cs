using EmbeddedLlm.Backends;

namespace EmbeddedLlm.Cpu;

/// <summary>What kernels need to know of the batch that runs now. Filled before the workers start, read-only while they walk.</summary>
internal sealed unsafe class CpuStep
{
    /// <summary>Rows of the batch.</summary>
    public int Rows;

    /// <summary>Rows whose logits are asked for; kernels behind <c>PickRows</c> have this many rows.</summary>
    public int OutputRowCount;

    /// <summary>[Rows] token of each row.</summary>
    public int* Tokens;

    /// <summary>[Rows] position of each row in its sequence.</summary>
    public int* Positions;

    /// <summary>[Rows] index of each row's slice.</summary>
    public int* RowSlices;

    /// <summary>[OutputRowCount] index of each output row.</summary>
    public int* OutputRows;

    /// <summary>The slices.</summary>
    public BatchSlice* Slices;

    /// <summary>How many slices.</summary>
    public int SliceCount;

    /// <summary>KV blocks of all slices, see <see cref="Batch.KvBlocks"/>.</summary>
    public int* KvBlocks;

    /// <summary>Rows that a kernel has: all, or those behind <c>PickRows</c>.</summary>
    public int RowsOf(bool picked) => picked ? OutputRowCount : Rows;
}
