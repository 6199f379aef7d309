using EmbeddedLlm.Graph;

namespace EmbeddedLlm;

/// <summary>How many states of a recurrent model are held, and so how many requests run at a time.</summary>
/// <param name="Sequences">Requests at a time.</param>
/// <param name="Slots">States; 0 for models without.</param>
internal readonly record struct StateBudget(int Sequences, int Slots)
{
    /// <summary>States take at most this part of the memory, but for those of one request.</summary>
    private const int MemoryPart = 4;

    /// <summary>The fewest states to go on from, beside those of requests that run.</summary>
    private const int MinSnapshots = 8;

    /// <summary>Finds both from the requests asked for, whether they draft, and the memory that the process may use.</summary>
    /// <exception cref="ArgumentException">Not even one request fits.</exception>
    public static StateBudget For(ModelGraph graph, int sequences, bool drafts, long memoryBytes)
    {
        if (graph.StateLayers.IsEmpty)
            return new(sequences, 0);
        var slotBytes = graph.StateLayers.Sum(layer => (long)layer.Rows * layer.Columns * sizeof(float));
        var each = drafts ? 2 : 1;
        if (memoryBytes / slotBytes < each)
            throw new ArgumentException($"A request needs {each * slotBytes:N0} bytes for the state of this model, this process may use {memoryBytes:N0}.", nameof(memoryBytes));
        var affordable = memoryBytes / MemoryPart / slotBytes;
        sequences = (int)Math.Clamp(affordable / each, 1, sequences);
        var snapshots = Math.Clamp(affordable - (long)sequences * each, 0, Math.Max(sequences, MinSnapshots));
        return new(sequences, (int)Math.Min((long)sequences * each + snapshots, int.MaxValue));
    }
}
