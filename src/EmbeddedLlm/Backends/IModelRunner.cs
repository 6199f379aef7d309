using System.Diagnostics.CodeAnalysis;

namespace EmbeddedLlm.Backends;

/// <summary>A model made ready on one device. One caller at a time.</summary>
[Experimental("ELLM001")]
public interface IModelRunner : IDisposable
{
    /// <summary>Blocks of KV memory, as asked for in <see cref="RunnerOptions.KvBlocks"/>.</summary>
    int KvBlocks { get; }

    /// <summary>
    /// Names how <see cref="ReadKvBlock"/> lays a block out, number format included, such as <c>cpu/1/F16</c>; another layout has another name. Null, the default,
    /// where blocks cannot be read and written: then conversations are saved without them.
    /// </summary>
    string? KvLayout => null;

    /// <summary>Bytes of a block as <see cref="ReadKvBlock"/> gives it.</summary>
    int KvBlockBytes => 0;

    /// <summary>Runs one step. Prefill, decode, several sequences and the checking of drafts are all this.</summary>
    /// <param name="batch">The rows.</param>
    /// <param name="logits">[batch.OutputRows.Length × width of the graph's result], row by row.</param>
    void Run(in Batch batch, Span<float> logits);

    /// <summary>Copies a block of KV memory in every layer: when two sequences part.</summary>
    void CopyKvBlock(int from, int to);

    /// <summary>Reads a block of KV memory in every layer, to be kept elsewhere. Equal keys and values give equal bytes.</summary>
    /// <param name="block">The block.</param>
    /// <param name="positions">The positions that were written. Of others, and of padding, nothing is given out: there may be what other sequences left.</param>
    /// <param name="bytes">[<see cref="KvBlockBytes"/>]</param>
    void ReadKvBlock(int block, int positions, Span<byte> bytes) => throw new NotSupportedException("The KV blocks of this runner cannot be read.");

    /// <summary>Writes a block of KV memory in every layer. The bytes may come from a file: whatever they are, no memory outside of the block is touched.</summary>
    /// <param name="block">The block.</param>
    /// <param name="bytes">[<see cref="KvBlockBytes"/>] What <see cref="ReadKvBlock"/> of a runner with the same layout and sizes gave.</param>
    void WriteKvBlock(int block, ReadOnlySpan<byte> bytes) => throw new NotSupportedException("The KV blocks of this runner cannot be written.");

    /// <summary>Copies the state of every recurrent step from one slot to another, see <see cref="RunnerOptions.StateSlots"/>; nothing where the graph has no state.</summary>
    void CopyState(int from, int to);
}
