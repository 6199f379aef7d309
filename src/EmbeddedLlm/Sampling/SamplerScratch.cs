namespace EmbeddedLlm.Sampling;

/// <summary>Buffers for one sampler call at a time, so that sampling allocates nothing; samplers of one thread share it.</summary>
internal sealed class SamplerScratch(int vocabularySize)
{
    /// <summary>How many values one of <see cref="Sums"/> stands for.</summary>
    public const int Part = 1024;

    private int[] _order = new int[vocabularySize];
    private ulong[] _keys = new ulong[1024];

    /// <summary>Token ids of the candidates.</summary>
    public int[] Ids { get; } = new int[vocabularySize];

    /// <summary>Probabilities, scores.</summary>
    public float[] Values { get; } = new float[vocabularySize];

    /// <summary>Sums of <see cref="Part"/> values each.</summary>
    public double[] Sums { get; } = new double[(vocabularySize + Part - 1) / Part];

    /// <summary>A number for each token of the vocabulary: all 0 between steps; who sets one clears it.</summary>
    public int[] PerToken { get; } = new int[vocabularySize];

    /// <summary>Room for positions, at least <paramref name="length"/> long; what it holds is undefined.</summary>
    public Span<int> Order(int length) => Room(ref _order, length);

    /// <summary>Room for keys to sort by, at least <paramref name="length"/> long; what it holds is undefined.</summary>
    public Span<ulong> Keys(int length) => Room(ref _keys, length);

    private static Span<T> Room<T>(ref T[] array, int length)
    {
        if (array.Length < length)
            array = new T[Math.Max(length, 2 * array.Length)];
        return array.AsSpan(0, length);
    }
}
