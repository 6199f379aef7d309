namespace EmbeddedLlm.Embeddings;

/// <summary>The texts of one call. Their vectors come in any number of steps, in order.</summary>
/// <param name="texts">Tokens of each text.</param>
/// <param name="arrival">When the call came, by the engine's clock.</param>
internal sealed class EmbeddingRequest(IReadOnlyList<int[]> texts, long arrival)
{
    private readonly TaskCompletionSource<float[][]> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly float[][] _vectors = new float[texts.Count][];
    private int _taken;
    private int _computed;

    /// <summary>When the call came.</summary>
    public long Arrival => arrival;

    /// <summary>All vectors, when the last has come.</summary>
    public Task<float[][]> Vectors => _completion.Task;

    /// <summary>Whether nothing more is to be computed for it: all is taken, or it has failed or was cancelled.</summary>
    public bool IsOver => _taken == texts.Count || _completion.Task.IsCompleted;

    /// <summary>Whether none of its texts was taken yet.</summary>
    public bool IsNew => _taken == 0;

    /// <summary>Tokens of all texts.</summary>
    public int Tokens => texts.Sum(text => text.Length);

    /// <summary>The text to compute next.</summary>
    public int[] Next => texts[_taken];

    /// <summary>Takes <see cref="Next"/>; the result is its place.</summary>
    public int Take() => _taken++;

    public void Set(int place, float[] vector)
    {
        _vectors[place] = vector;
        if (++_computed == texts.Count)
            _completion.TrySetResult(_vectors);
    }

    public void Fail(Exception failure) => _completion.TrySetException(failure);

    public void Cancel(CancellationToken cancellationToken) => _completion.TrySetCanceled(cancellationToken);
}
