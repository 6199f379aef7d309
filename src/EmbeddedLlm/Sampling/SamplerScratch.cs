namespace EmbeddedLlm.Sampling;

/// <summary>Buffers for one sampler call at a time, so that sampling allocates nothing; samplers of one thread share it.</summary>
internal sealed class SamplerScratch(int vocabularySize)
{
    private int[] _order = new int[vocabularySize];

    /// <summary>Token ids of the candidates.</summary>
    public int[] Ids { get; } = new int[vocabularySize];

    /// <summary>Probabilities, scores.</summary>
    public float[] Values { get; } = new float[vocabularySize];

    /// <summary>A number for each token of the vocabulary: all 0 between steps; who sets one clears it.</summary>
    public int[] PerToken { get; } = new int[vocabularySize];

    /// <summary>Room for positions, at least <paramref name="length"/> long; what it holds is undefined.</summary>
    public Span<int> Order(int length)
    {
        if (_order.Length < length)
            _order = new int[Math.Max(length, 2 * _order.Length)];
        return _order.AsSpan(0, length);
    }
}
