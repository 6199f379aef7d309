using System.Runtime.InteropServices;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Gguf;

/// <summary>
/// Importance matrices as GGUF (https://github.com/ggml-org/llama.cpp, tools/imatrix): <c>general.type</c> is <c>imatrix</c>, and each weight has
/// <c>NAME.in_sum2</c> [columns, matrices], the sums of the squares of what entered, and <c>NAME.counts</c> [1, matrices], how many rows did.
/// </summary>
internal static class ImportanceFile
{
    private const string TypeKey = "general.type";
    private const string TypeName = "imatrix";
    private const string DatasetsKey = "imatrix.datasets";
    private const string ChunkCountKey = "imatrix.chunk_count";
    private const string ChunkSizeKey = "imatrix.chunk_size";
    private const string SumsSuffix = ".in_sum2";
    private const string CountsSuffix = ".counts";

    public static bool IsGguf(string path)
    {
        using var stream = File.OpenRead(path);
        Span<byte> magic = stackalloc byte[4];
        return stream.ReadAtLeast(magic, 4, throwOnEndOfStream: false) == 4 && magic.SequenceEqual("GGUF"u8);
    }

    public static ImportanceMatrix Read(string path)
    {
        using var file = GgufFile.Open(path);
        var type = file.Metadata.GetString(TypeKey, "model");
        if (type != TypeName)
            throw file.Metadata.Wrong(TypeKey, $"'{TypeName}'", $"'{type}'");

        var entries = new OrderedDictionary<string, ImportanceEntry>(StringComparer.Ordinal);
        foreach (var tensor in file.Tensors)
        {
            if (tensor.Name.EndsWith(CountsSuffix, StringComparison.Ordinal) && file.TryGetTensor(tensor.Name[..^CountsSuffix.Length] + SumsSuffix, out _))
                continue;
            if (!tensor.Name.EndsWith(SumsSuffix, StringComparison.Ordinal))
                throw new ModelFormatException($"{path}: tensor '{tensor.Name}': expected a name that ends with '{SumsSuffix}', or with '{CountsSuffix}' beside one, found another.");
            var name = tensor.Name[..^SumsSuffix.Length];
            if (!file.TryGetTensor(name + CountsSuffix, out var counts))
                throw new ModelFormatException($"{path}: tensor '{name}{CountsSuffix}' is missing; expected it beside '{tensor.Name}'.");
            if (counts.ElementCount == 0 || tensor.ElementCount % counts.ElementCount != 0 || tensor.ElementCount / counts.ElementCount != tensor.Dimensions[0])
                throw new ModelFormatException($"{path}: tensor '{counts.Name}': expected a number for each row of '{tensor.Name}' [{string.Join(", ", tensor.Dimensions)}], found {counts.ElementCount}.");
            entries.Add(name, new ImportanceEntry(Numbers(path, tensor), Numbers(path, counts)));
        }

        if (entries.Count == 0)
            throw new ModelFormatException($"{path}: expected tensors that end with '{SumsSuffix}', found none.");
        return new ImportanceMatrix(
            path,
            file.Metadata.Contains(DatasetsKey) ? file.Metadata.GetStrings(DatasetsKey) : [],
            file.Metadata.GetInt(ChunkCountKey, 0),
            file.Metadata.GetInt(ChunkSizeKey, 0),
            entries);
    }

    public static void Write(ImportanceMatrix matrix, string path, CancellationToken cancellationToken)
    {
        var writer = new GgufWriter();
        writer.Set(TypeKey, GgufValue.Of(TypeName));
        writer.Set(DatasetsKey, GgufValue.Of(matrix.Datasets));
        writer.Set(ChunkCountKey, GgufValue.Of((uint)matrix.ChunkCount));
        writer.Set(ChunkSizeKey, GgufValue.Of((uint)matrix.ChunkLength));
        foreach (var (name, entry) in matrix.Entries)
        {
            writer.Add(name + SumsSuffix, GgmlType.F32, [entry.Sums.Length / entry.Counts.Length, entry.Counts.Length], stream => stream.Write(MemoryMarshal.AsBytes<float>(entry.Sums)));
            writer.Add(name + CountsSuffix, GgmlType.F32, [1, entry.Counts.Length], stream => stream.Write(MemoryMarshal.AsBytes<float>(entry.Counts)));
        }

        writer.Save(path, cancellationToken);
    }

    /// <summary>Refuses numbers that no sum of squares can be.</summary>
    public static float[] Checked(string path, string name, float[] numbers)
    {
        var wrong = Array.FindIndex(numbers, number => !(number >= 0) || float.IsInfinity(number));
        return wrong < 0 ? numbers : throw new ModelFormatException($"{path}: tensor '{name}': expected numbers that are finite and not negative, found {numbers[wrong]} as number {wrong}.");
    }

    private static float[] Numbers(string path, GgufTensor tensor)
    {
        if (tensor.Type != GgmlType.F32)
            throw new ModelFormatException($"{path}: tensor '{tensor.Name}': expected the type F32, found {tensor.Type}.");
        if (tensor.Bytes > Array.MaxLength)
            throw new ModelFormatException($"{path}: tensor '{tensor.Name}': expected at most {Array.MaxLength} bytes, found {tensor.Bytes}.");
        return Checked(path, tensor.Name, MemoryMarshal.Cast<byte, float>(tensor.Slice(0, (int)tensor.Bytes)).ToArray());
    }
}
