namespace EmbeddedLlm.Engine;

/// <summary>
/// The masks of a step, worked out on a thread of the pool while the engine's thread waits for the model. If the pool has not come to it by then,
/// the engine's thread does it itself.
/// </summary>
internal sealed class MaskWork : IThreadPoolWorkItem
{
    private readonly List<Sequence> _sequences = [];
    private readonly Lock _work = new();
    private bool _isOpen;

    /// <summary>Begins with the masks of those sequences that have a constraint.</summary>
    public void Begin(List<Sequence> sequences)
    {
        lock (_work)
        {
            foreach (var sequence in sequences)
                if (sequence.Guide is not null)
                    _sequences.Add(sequence);
            _isOpen = _sequences.Count > 0;
        }
        if (_isOpen)
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    /// <summary>Returns when the masks are there.</summary>
    public void Finish() => Execute();

    // May come late, in a later step, whose work it then does or finds done.
    public void Execute()
    {
        lock (_work)
        {
            if (!_isOpen)
                return;
            foreach (var sequence in _sequences)
                sequence.Guide!.Prepare(sequence.Draft);
            _sequences.Clear();
            _isOpen = false;
        }
    }
}
