using System.Numerics.Tensors;

namespace EmbeddedLlm.Gguf;

/// <summary>
/// For each column of a model's weights how large the numbers are that are multiplied with it, measured on a text. Quantizing with it keeps those weights
/// finer that count more. Files are those of llama.cpp: GGUF of the type <c>imatrix</c>; its older format (<c>.dat</c>) is read too.
/// </summary>
public sealed class ImportanceMatrix
{
    // A column that nothing entered counts little, but not nothing: what is in it still becomes something near.
    private const float Least = 1e-4f;

    private readonly OrderedDictionary<string, ImportanceEntry> _entries;

    internal ImportanceMatrix(string source, IReadOnlyList<string> datasets, int chunkCount, int chunkLength, OrderedDictionary<string, ImportanceEntry> entries)
    {
        Source = source;
        Datasets = datasets;
        ChunkCount = chunkCount;
        ChunkLength = chunkLength;
        _entries = entries;
    }

    /// <summary>Names of the texts that it was measured on.</summary>
    public IReadOnlyList<string> Datasets { get; }

    /// <summary>How many pieces of text went through the model.</summary>
    public int ChunkCount { get; }

    /// <summary>Tokens of a piece; 0 where the file does not say.</summary>
    public int ChunkLength { get; }

    /// <summary>The tensors that it knows, by GGUF's names.</summary>
    public IReadOnlyCollection<string> Tensors => _entries.Keys;

    /// <summary>The file, for messages.</summary>
    internal string Source { get; }

    /// <summary>The entries, in the order of the file.</summary>
    internal IEnumerable<KeyValuePair<string, ImportanceEntry>> Entries => _entries;

    /// <summary>Reads a file.</summary>
    /// <exception cref="ModelFormatException">It is no importance matrix, is damaged, or has a number that is negative or not finite.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public static ImportanceMatrix Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return ImportanceFile.IsGguf(path) ? ImportanceFile.Read(path) : ImportanceDat.Read(path);
    }

    /// <summary>Writes a GGUF file beside <paramref name="path"/> and renames it when it is complete.</summary>
    /// <exception cref="OperationCanceledException">Cancelled; nothing remains of the new file.</exception>
    public void Save(string path, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ImportanceFile.Write(this, path, cancellationToken);
    }

    /// <summary>
    /// How much the squared errors of a tensor's columns count, [matrices × columns], all positive and 1 in the mean of a matrix; null where it is not known.
    /// In a matrix that nothing entered all count alike.
    /// </summary>
    /// <exception cref="ModelFormatException">The entry does not have the shape of the tensor.</exception>
    internal float[]? WeightsOf(GgufTensor tensor)
    {
        if (!_entries.TryGetValue(tensor.Name, out var entry))
            return null;

        var columns = checked((int)tensor.Dimensions[0]);
        var matrices = tensor.Dimensions.Skip(2).Aggregate(1L, (product, size) => product * size);
        if (entry.Sums.Length != columns * matrices || (entry.Counts.Length != 1 && entry.Counts.Length != matrices))
        {
            throw new ModelFormatException(
                $"{Source}: tensor '{tensor.Name}': expected {columns} numbers for each of {matrices} matrices, as the model has them, found {entry.Sums.Length} with {entry.Counts.Length} counts.");
        }

        var weights = new float[entry.Sums.Length];
        for (var matrix = 0; matrix < matrices; matrix++)
        {
            var sums = entry.Sums.AsSpan(matrix * columns, columns);
            var mean = entry.Counts[entry.Counts.Length == 1 ? 0 : matrix] > 0 ? TensorPrimitives.Sum<float>(sums) / columns : 0;
            var into = weights.AsSpan(matrix * columns, columns);
            for (var i = 0; i < columns; i++)
                into[i] = mean > 0 ? sums[i] / mean + Least : 1;
        }

        return weights;
    }
}
