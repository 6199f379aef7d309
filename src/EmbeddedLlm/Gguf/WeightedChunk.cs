using System.Buffers;

namespace EmbeddedLlm.Gguf;

/// <summary>How much the squared errors of successive numbers of a tensor count.</summary>
internal readonly ref struct WeightedChunk : IDisposable
{
    private readonly float[]? _rented;

    /// <param name="tensor">The tensor.</param>
    /// <param name="columnWeights">[matrices × columns], or null where all count alike.</param>
    /// <param name="start">The first number, counted through the tensor.</param>
    /// <param name="values">The numbers.</param>
    public WeightedChunk(GgufTensor tensor, float[]? columnWeights, long start, ReadOnlySpan<float> values)
    {
        if (columnWeights is null)
            return;
        _rented = ArrayPool<float>.Shared.Rent(values.Length);
        var weights = _rented.AsSpan(0, values.Length);
        Weights = weights;
        var columns = tensor.Dimensions[0];
        var matrix = tensor.Dimensions.Length > 1 ? columns * tensor.Dimensions[1] : columns;
        for (var i = 0; i < weights.Length;)
        {
            var (number, column) = ((start + i) / matrix, (int)((start + i) % columns));
            var count = (int)Math.Min(columns - column, weights.Length - i);
            columnWeights.AsSpan((int)(number * columns) + column, count).CopyTo(weights[i..]);
            i += count;
        }
    }

    /// <summary>[values]; empty where all count alike.</summary>
    public ReadOnlySpan<float> Weights { get; }

    public void Dispose()
    {
        if (_rented is not null)
            ArrayPool<float>.Shared.Return(_rented);
    }
}
