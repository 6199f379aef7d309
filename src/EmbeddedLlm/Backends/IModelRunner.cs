using System.Diagnostics.CodeAnalysis;

namespace EmbeddedLlm.Backends;

/// <summary>A model made ready on one device. One caller at a time.</summary>
[Experimental("ELLM001")]
public interface IModelRunner : IDisposable
{
    /// <summary>Blocks of KV memory, as asked for in <see cref="RunnerOptions.KvBlocks"/>.</summary>
    int KvBlocks { get; }

    /// <summary>Runs one step. Prefill, decode, several sequences and the checking of drafts are all this.</summary>
    /// <param name="batch">The rows.</param>
    /// <param name="logits">[batch.OutputRows.Length × width of the graph's result], row by row.</param>
    void Run(in Batch batch, Span<float> logits);

    /// <summary>Copies a block of KV memory in every layer: when two sequences part.</summary>
    void CopyKvBlock(int from, int to);

    /// <summary>Copies the state of every recurrent step from one slot to another, see <see cref="RunnerOptions.StateSlots"/>; nothing where the graph has no state.</summary>
    void CopyState(int from, int to);
}
